import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { InputError } from '@decpool/model';

/**
 * Takes a folder for this process: a file with its process id. It appears under its name with the id in it, or not at
 * all. A file that a killed process left is taken over. Returns what gives the folder back.
 *
 * Throws InputError while another process has it.
 */
export function takeLock(path: string): () => void {
  const own = `${path}.${process.pid}`;
  rmSync(own, { force: true });
  try {
    writeFileSync(own, `${process.pid}\n`, { flag: 'wx' });
    for (let isFirst = true; ; isFirst = false) {
      try {
        linkSync(own, path);
        return () => rmSync(path, { force: true });
      } catch (error) {
        if (!isCode(error, 'EEXIST')) throw error;
      }
      const holder = Number(readHolder(path));
      if (isAlive(holder) || !isFirst) {
        throw new InputError(
          `process ${holder} is writing to it; wait until it ends, or remove ${path} if it is not a run of decpool`,
        );
      }
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It was given back between the two calls.
    return '';
  }
}

/** A process with our own id is one before us, in a container that counts from the start each time. */
function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;
