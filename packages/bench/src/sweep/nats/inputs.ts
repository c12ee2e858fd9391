/** What a worker has of the cells' inputs: those used last, up to a number of bytes. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { ObjectStore } from '@nats-io/obj';
import { isPolicyFile } from '../../policies/load.ts';
import type { CellTask } from '../cell-thread.ts';
import type { SweepPolicy } from '../plan.ts';
import type { CellMessage } from './cell-message.ts';
import { getObject, inputOf, ObjectError, sharedCopy } from './objects.ts';

/** A worker keeps so much beside what its running cells use. */
const MOST_BYTES = 256 * 2 ** 20;

interface Kept {
  readonly value: Promise<unknown>;
  bytes: number;
}

export class WorkerInputs {
  readonly #bucket: Pick<ObjectStore, 'getBlob'>;
  readonly #mayRunFiles: boolean;
  readonly #mostBytes: number;
  /** By hash and kind; those used last are at the end. */
  readonly #kept = new Map<string, Kept>();
  /** Holds the texts of policy files. */
  #folder: string | undefined;

  constructor(bucket: Pick<ObjectStore, 'getBlob'>, mayRunFiles: boolean, mostBytes = MOST_BYTES) {
    this.#bucket = bucket;
    this.#mayRunFiles = mayRunFiles;
    this.#mostBytes = mostBytes;
  }

  /** All that a thread needs to run a cell. Throws ObjectError, or an error of the connection. */
  async taskOf({ input, memory, policy, platform, seed, settings }: CellMessage): Promise<CellTask> {
    return {
      input: await this.#get(`input ${input}`, input, inputOf),
      memory: await this.#get(`memory ${memory}`, memory, (bytes) => ({
        ...{ hash: memory, json: sharedCopy(bytes) },
      })),
      policy: await this.#policyOf(policy),
      ...{ platform, seed, settings },
    };
  }

  async #policyOf(policy: CellMessage['policy']): Promise<SweepPolicy> {
    if ('name' in policy) {
      const { name } = policy;
      // A name that is a path would run a file of this machine.
      if (isPolicyFile(name)) throw new ObjectError(`policy '${name}' is a file without its text`);
      return { name, source: name, given: name };
    }
    const { file, given } = policy;
    if (!this.#mayRunFiles)
      throw new ObjectError(`policy file '${given}': this worker has no --allow-policies`);
    const source = await this.#get(`policy ${file}`, file, (text) => this.#written(file, given, text));
    return { name: given, source, given };
  }

  #written(hash: string, given: string, text: Uint8Array): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'decpool-worker-'));
    const folder = join(this.#folder, hash);
    mkdirSync(folder, { recursive: true });
    const path = join(folder, basename(given).replace(/[^\w.-]/g, '-'));
    writeFileSync(path, text);
    return path;
  }

  #get<Value>(key: string, hash: string, decode: (bytes: Uint8Array) => Value): Promise<Value> {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known.value as Promise<Value>;
    }
    const value = getObject(this.#bucket, hash).then((bytes) => {
      kept.bytes = bytes.length;
      this.#forgetOldest();
      return decode(bytes);
    });
    const kept: Kept = { bytes: 0, value };
    this.#kept.set(key, kept);
    // The next one to ask for it tries again.
    value.catch(() => this.#kept.delete(key));
    return value;
  }

  #forgetOldest(): void {
    let bytes = [...this.#kept.values()].reduce((sum, kept) => sum + kept.bytes, 0);
    for (const [key, kept] of this.#kept) {
      if (bytes <= this.#mostBytes || this.#kept.size === 1) return;
      // A policy file's text stays: a thread may be about to load it.
      if (kept.bytes === 0 || key.startsWith('policy ')) continue;
      bytes -= kept.bytes;
      this.#kept.delete(key);
    }
  }

  close(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}
