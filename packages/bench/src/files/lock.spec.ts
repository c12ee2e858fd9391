import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { takeLock } from './lock.ts';

let folder = '';
let lock = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
  lock = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is there until it is given back, and nothing beside it', () => {
  const giveBack = takeLock(lock);
  expect(readdirSync(folder)).toEqual(['lock']);
  giveBack();
  expect(existsSync(lock)).toBe(false);
});

it('is refused while a process lives that has it', () => {
  const other = spawn('sleep', ['60']);
  try {
    writeFileSync(lock, `${other.pid}\n`);
    expect(() => takeLock(lock)).toThrow(`process ${other.pid}`);
    expect(readdirSync(folder)).toEqual(['lock']);
  } finally {
    other.kill();
  }
});

it.each([
  ['a process that is gone', () => spawnSync('true').pid],
  ['a process with our own id, before us', () => process.pid],
  ['nobody', () => 'nobody'],
])('is taken over from %s', (_, holder) => {
  writeFileSync(lock, `${holder()}\n`);
  takeLock(lock)();
  expect(readdirSync(folder)).toEqual([]);
});
