/**
 * Specs that read as sentences, of a policy and of a projection: given what happened, when this is asked, then that happens.
 * Run: npx -y pnpm@10.34.9 test examples/given-when-then.spec.ts
 */
import { allocationId, GFP, pfn } from '@decpool/model';
import { policySpec, projectionSpec } from '@decpool/pool/given-when-then';
import { filter, scan } from 'rxjs';
import { describe, it } from 'vitest';
import custom from './custom-policy.ts';

describe('the policy of the example', () => {
  const given = policySpec({ policy: custom });
  const half = { kind: 'allocate', api: 'alloc_pages', pages: 256, owner: 'half a block' } as const;
  const page = { kind: 'allocate', api: 'alloc_pages', pages: 1, owner: 'a page' } as const;
  const free = (id: number) => ({ kind: 'free', allocation: allocationId(id) }) as const;

  it('shares a whole block when it has none', () => {
    given()
      .when(page)
      .then(
        { type: 'pages-claimed', pages: 512 },
        { type: 'pages-decrypted', pages: 512 },
        { type: 'pages-allocated', allocation: 1, pages: 1 },
      );
  });

  it('fills the block with most allocations in it, not the one with most pages', () => {
    const twoBlocks = [half, page, page, half, half] as const;
    const { pool } = given(...twoBlocks).when();
    const [ring] = pool.view.allocation(allocationId(2)).extents;
    given(...twoBlocks)
      .when(page)
      .then({ type: 'pages-allocated', allocation: 6, pfn: pfn(ring.pfn + 2) });
  });

  it('gives a block back as soon as nobody uses it', () => {
    given(page)
      .when(free(1))
      .then({ type: 'pages-freed' }, { type: 'pages-encrypted', pages: 512 }, { type: 'pages-returned' });
  });

  it('has nothing ready for a caller that may not sleep', () => {
    given()
      .when({ ...page, gfp: GFP.GFP_ATOMIC })
      .thenRefused('would-sleep');
  });
});

describe('a projection of your own', () => {
  // Pages that became shared and are shared still: an operator on events$.
  const given = projectionSpec((events$) =>
    events$.pipe(
      filter((event) => event.type === 'pages-decrypted' || event.type === 'pages-encrypted'),
      scan((shared, { type, pages }) => (type === 'pages-decrypted' ? shared + pages : shared - pages), 0),
    ),
  );

  it('counts what became shared, less what became private again', async () => {
    await given({ type: 'pages-decrypted', pfn: pfn(0), pages: 512 })
      .when({ type: 'pages-encrypted', pfn: pfn(0), pages: 2 })
      .then(510);
  });
});
