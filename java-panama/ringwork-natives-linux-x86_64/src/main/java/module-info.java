/**
 * The binary {@code ringwork} for Linux on x86-64, as a resource: {@code Ringwork.launch} finds and
 * starts it. It is linked statically and needs nothing of the system but its kernel.
 *
 * <p>The module has no packages. The binary lies in a folder whose name is none of a package, so
 * that the client reads it although nothing is opened to it. Require the module, or add it with
 * {@code --add-modules io.ringwork.natives.linux.x86_64}; {@code jlink} takes it.
 */
@SuppressWarnings("module") // the architecture's name ends in digits
module io.ringwork.natives.linux.x86_64 {}
