import { expect, it } from 'vitest';
import { batchOf, type Told } from '../testing.ts';
import { allocationId } from '../units.ts';
import { Owners } from './owners.ts';

const requested = (id: number, owner: number): Told => ({
  type: 'allocation-requested',
  allocation: allocationId(id),
  api: 'alloc_pages',
  pages: 1,
  bytes: 1,
  owner,
});

it('every allocation has its owner for good, however many there are', () => {
  const owners = new Owners();
  owners.observe(batchOf([{ type: 'owner-registered', owner: 0, name: 'nvme' }]), 0);
  owners.observe(batchOf([{ type: 'owner-registered', owner: 1, name: 'netvsc' }]), 0);
  owners.observe(batchOf([{ type: 'owner-registered', owner: 2, name: 'ahci' }]), 0);
  const ownerOf = (id: number) => 1 + (id % 2);
  const ids = Array.from({ length: 5000 }, (_, index) => index + 1);
  const batch = batchOf(ids.map((id) => requested(id, ownerOf(id))));
  for (const [row] of ids.entries()) owners.observe(batch, row);
  owners.observe(batchOf([{ type: 'free-requested', allocation: allocationId(3) }]), 0);
  expect(ids.map((id) => owners.of(id))).toEqual(ids.map(ownerOf));
  expect([owners.nameOf(3), owners.nameOf(4)]).toEqual(['ahci', 'netvsc']);
});

it('an owner that was never registered has no name', () => {
  const owners = new Owners();
  owners.observe(batchOf([requested(1, 7)]), 0);
  expect(owners.nameOf(1)).toBe('');
});
