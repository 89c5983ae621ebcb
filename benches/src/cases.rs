//! The cases by name: those that a ratio, a figure or a target names. What a suite makes of parts
//! (a size, a rate, a number of lanes) and only records is named there.

/// Defines [`CaseId`] and the names.
macro_rules! cases {
    ($($id:ident = $name:literal,)*) => {
        /// A case; its name stands in the report and is what the program of the case is asked for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum CaseId { $($id),* }

        impl CaseId {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$id => $name),* }
            }
        }
    };
}

cases! {
    RingworkSpin = "ringwork_spin",
    RingworkSpinRaw = "ringwork_spin_raw",
    RingworkPark = "ringwork_park",
    RingworkFutureExecutor = "ringwork_future_executor",
    LimitSpin = "limit_spin",
    LimitSlot = "limit_slot",
    LimitFutex = "limit_futex",
    LimitUds = "limit_uds",
    AgronaRings = "agrona_rings",
    AeronIpc = "aeron_ipc",
    Iceoryx2Reqres = "iceoryx2_reqres",
    GrpcUds = "grpc_uds",
    ForkJoinPool = "fork_join_pool",
    ThreadPool = "thread_pool",
    VirtualThreads = "virtual_threads",
    FfmInProcess = "ffm_in_process",
    Ringwork1P1L = "ringwork_1p1l",
    Ringwork1P2L = "ringwork_1p2l",
    RingworkBatch = "ringwork_batch",
    RingworkSubmitAll = "ringwork_submit_all",
    LimitSlots = "limit_slots",
    RingworkSpin100k = "ringwork_spin_100k",
    RingworkAdaptive100k = "ringwork_adaptive_100k",
    ThreadPool100k = "thread_pool_100k",
    RingworkZero64 = "ringwork_zero_64",
    RingworkZero1MiB = "ringwork_zero_1MiB",
    JavaPoolPbkdf2 = "java_pool_pbkdf2",
    RingworkPbkdf2 = "ringwork_pbkdf2",
    RingworkIdlePbkdf2 = "ringwork_idle_pbkdf2",
    JavaPoolBcrypt = "java_pool_bcrypt",
    RingworkBcrypt = "ringwork_bcrypt",
    RingworkIdleBcrypt = "ringwork_idle_bcrypt",
    JavaPoolImages = "java_pool_images",
    RingworkImages = "ringwork_images",
    RingworkIdleImages = "ringwork_idle_images",
    Idle = "idle",
    Waiting1000 = "waiting_1000",
    Waiting65536 = "waiting_65536",
    Kill = "kill",
    ClientKill = "client_kill",
    TicketWait = "ticket_wait",
    ClientBlocking = "client_blocking",
    ClientFuture = "client_future",
    ClientPending = "client_pending",
    RawApi = "raw_api",
    RawTask = "raw_task",
    FutureApi = "future_api",
    Call = "call",
    RingworkJpeg256 = "ringwork_jpeg_256",
    RingworkJpeg1024 = "ringwork_jpeg_1024",
    RingworkProgressive256 = "ringwork_progressive_256",
    RingworkProgressive1024 = "ringwork_progressive_1024",
    RingworkPng256 = "ringwork_png_256",
    RingworkPng1024 = "ringwork_png_1024",
    RingworkWebp256 = "ringwork_webp_256",
    RingworkWebp1024 = "ringwork_webp_1024",
    RingworkBcrypt12 = "ringwork_bcrypt_12",
}

impl CaseId {
    /// The case of a name that was made of parts.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|case| case.name() == name)
    }
}

impl std::fmt::Display for CaseId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}
