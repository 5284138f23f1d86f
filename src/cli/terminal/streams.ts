/** The file descriptors of the standard streams. */
export const STDIN = 0;
export const STDOUT = 1;
export const STDERR = 2;
