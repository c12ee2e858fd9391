/** Told how far a log is read: what of a pass over it is behind the reader, and what the pass has in all; events, or bytes of the file. */
export type OnRead = (done: number, all: number) => void;
