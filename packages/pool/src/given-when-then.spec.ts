import { allocationId } from '@decpool/model';
import { count, filter } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { policySpec, projectionSpec } from './given-when-then.ts';

const ring = { kind: 'allocate', api: 'alloc_pages', pages: 8, owner: 'ring' } as const;

describe('a spec of a policy', () => {
  const given = policySpec({ policy: 'first-fit+block+immediate' });

  it('says what happens when something is asked for the first time', () => {
    given()
      .when(ring)
      .then(
        { type: 'pages-claimed', pages: 512 },
        { type: 'pages-decrypted', pages: 512 },
        { type: 'pages-allocated', pages: 8 },
      );
  });

  it('says what happens after what was asked before', () => {
    given(ring).when(ring).then({ type: 'pages-allocated', pages: 8 });
    given(ring, ring)
      .when({ kind: 'free', allocation: allocationId(1) })
      .then({ type: 'pages-freed', allocation: 1 });
  });

  it('may tell also of the request itself', () => {
    given(ring)
      .when(ring)
      .then({ type: 'allocation-requested', allocation: 2, pages: 8 }, { type: 'pages-allocated' });
  });

  it('says why a request is refused', () => {
    given()
      .when({ ...ring, api: 'alloc_pages_exact', pages: 1025 })
      .thenRefused('too-large');
  });

  it.each([
    ['too few', []],
    ['too many', [{ type: 'pages-allocated' }, { type: 'pages-allocated' }]],
    ['of another type', [{ type: 'pages-freed' }]],
    ['with another field', [{ type: 'pages-allocated', pages: 9 }]],
  ] as const)('fails, and shows both sides, where the events are %s', (_, expected) => {
    expect(() =>
      given(ring)
        .when(ring)
        .then(...expected),
    ).toThrow(
      /^expected:\n(.*\n)+but there is:\n {2}\{.*"type":"pages-allocated","allocation":2,"pfn":\d+,"pages":8\}$/,
    );
  });
});

describe('a spec of a projection', () => {
  const given = projectionSpec((events$) =>
    events$.pipe(
      filter(({ type }) => type === 'pages-decrypted'),
      count(),
    ),
  );
  const decrypted = { type: 'pages-decrypted', pfn: 0 as never, pages: 1 } as const;

  it('says what events make of it', async () => {
    await given(decrypted)
      .when(decrypted, { type: 'pages-encrypted', pfn: 0 as never, pages: 1 })
      .then(2);
    await given()
      .when(decrypted)
      .then((value) => expect(value).toBe(1));
  });

  it('fails, and shows both sides, where they make something else', async () => {
    await expect(given().when(decrypted).then(7)).rejects.toThrow('expected:\n  7\nbut there is:\n  1');
  });
});
