import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeWhole } from './folder.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decpool-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a file that is written whole', () => {
  it('takes the place of an older one, and of what a killed process left', () => {
    const path = join(folder, 'file');
    writeFileSync(path, 'old');
    writeFileSync(`${path}.partial`, 'half');
    writeWhole(path, 'new');
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(folder)).toEqual(['file']);
  });

  it.each(['file', 'file.partial'])('follows no link in place of %s', (name) => {
    const victim = join(folder, 'victim');
    writeFileSync(victim, 'theirs');
    symlinkSync(victim, join(folder, name));
    writeWhole(join(folder, 'file'), 'mine');
    expect(readFileSync(victim, 'utf8')).toBe('theirs');
    expect(readdirSync(folder).sort()).toEqual(['file', 'victim']);
  });

  it('leaves nothing behind if it cannot have its name', () => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    writeFileSync(join(path, 'mine'), '');
    expect(() => writeWhole(path, 'text')).toThrow();
    expect(readdirSync(folder)).toEqual(['taken']);
  });
});
