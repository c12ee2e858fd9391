import { AREA_CALL, CONVERTED, DIRECTIONS, type EventBatch, TYPE } from '@decpool/model';

const DECRYPT = DIRECTIONS.indexOf('decrypt');

/**
 * Whether an event exposes its pages to the host (1), takes them back (-1) or leaves them as they were (0). After a
 * failed conversion nobody knows what the host can read, so the pages count as shared: a failed decryption exposes
 * them, a failed encryption leaves them exposed until a retry succeeds.
 */
export function exposureSign(batch: EventBatch, row: number): 1 | 0 | -1 {
  switch (batch.typeAt(row)) {
    case TYPE.pagesDecrypted:
    case TYPE.vmAreaDecrypted:
      return 1;
    case TYPE.pagesEncrypted:
    case TYPE.vmAreaEncrypted:
      return -1;
    case TYPE.conversionFailed:
      return (batch.codeAt(row) & ~(CONVERTED | AREA_CALL)) === DECRYPT ? 1 : 0;
    default:
      return 0;
  }
}
