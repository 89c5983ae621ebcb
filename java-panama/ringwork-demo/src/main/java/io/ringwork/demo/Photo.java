package io.ringwork.demo;

/**
 * One photo of the demo.
 *
 * @param index place in the series, from 0
 * @param name file name
 * @param width width as seen, in pixels
 * @param height height as seen, in pixels
 * @param orientation EXIF orientation the pixels are stored in
 * @param jpeg the file's bytes
 */
record Photo(int index, String name, int width, int height, int orientation, byte[] jpeg) {}
