/**
 * A policy as the engine calls it: with the recorder open only meanwhile, and held to what it must have done in the end.
 * What it did wrong is told with the request that it decided.
 */
import { type AllocateRequest, orderFor, type StateView } from '@decpool/model';
import type { EventRecorder } from './event-recorder.ts';
import type { Policy } from './policy.ts';
import { PolicyError } from './policy-error.ts';
import { type Gate, PolicyRecorder } from './policy-recorder.ts';

/** `policy`, which tells what it does to a recorder of its own over `target`. */
export function supervised(policy: Policy, target: EventRecorder, view: StateView): Policy {
  const gate: Gate = { isOpen: false };
  const record = new PolicyRecorder(target, view, gate);
  const { name } = policy;

  function told(error: unknown, what: string): unknown {
    if (!(error instanceof PolicyError)) return error;
    return new PolicyError(error.rule, `policy '${name}', ${what}: ${error.message}`);
  }

  const asked: Asked =
    (what, question) =>
    (...args) => {
      try {
        return question(...args);
      } catch (error) {
        throw told(error, `${what} at request ${view.counter('requests')}`);
      }
    };

  return {
    ...optionalPartsOf(policy, asked),
    name,
    allocate(request) {
      gate.isOpen = true;
      try {
        policy.allocate(request, view, record);
        expectDecided(request, target);
      } catch (error) {
        const { api, pages, owner } = request;
        throw told(
          error,
          `request ${view.counter('requests')} (${api} of ${pages} ${pages === 1 ? 'page' : 'pages'} for '${owner}')`,
        );
      } finally {
        gate.isOpen = false;
      }
    },
    free(request) {
      const { allocation } = request;
      gate.isOpen = true;
      try {
        policy.free(request, view, record);
        if (view.extentCount(allocation) !== 0) {
          throw new PolicyError('free', 'left unfinished: it still has extents');
        }
      } catch (error) {
        const { owner } = view.allocation(allocation);
        throw told(
          error,
          `request ${view.counter('requests')} (free of allocation ${allocation} of '${owner}')`,
        );
      } finally {
        gate.isOpen = false;
      }
    },
    work() {
      gate.isOpen = true;
      try {
        policy.work?.(view, record);
      } catch (error) {
        throw told(error, `the deferred worker after request ${view.counter('requests')}`);
      } finally {
        gate.isOpen = false;
      }
    },
  };
}

/** What a policy may leave out: left out here too, because the engine looks. */
function optionalPartsOf(policy: Policy, asked: Asked): Partial<Policy> {
  const { bounceBuffers, cacheFor, freesWithoutSleeping, hasWork, workDueAt } = policy;
  return {
    ...(bounceBuffers && { bounceBuffers }),
    ...(cacheFor && { cacheFor: asked('cacheFor()', cacheFor.bind(policy)) }),
    ...(freesWithoutSleeping && {
      freesWithoutSleeping: asked('freesWithoutSleeping()', freesWithoutSleeping.bind(policy)),
    }),
    ...(hasWork && { hasWork: asked('hasWork()', hasWork.bind(policy)) }),
    ...(workDueAt && { workDueAt: asked('workDueAt()', workDueAt.bind(policy)) }),
  };
}

/** A question to a policy that may use no recorder to answer it. */
type Asked = <Args extends readonly unknown[], Answer>(
  what: string,
  question: (...args: Args) => Answer,
) => (...args: Args) => Answer;

/** Served in full, in one piece where that matters, or refused. */
function expectDecided({ pages, api }: AllocateRequest, served: EventRecorder): void {
  const { servedPages, servedExtents, servedStart } = served;
  if (servedPages < pages) {
    if (served.isRefused) return;
    throw new PolicyError(
      'decided',
      `neither served nor refused: it got ${servedPages} of ${pages} ${pages === 1 ? 'page' : 'pages'}`,
    );
  }
  const most = api === 'vmalloc' ? pages : 1 << orderFor(pages);
  if (servedPages > most) {
    throw new PolicyError('size', `it got ${servedPages} pages, and takes ${most} at the most`);
  }
  if (api === 'vmalloc' || (servedExtents === 1 && servedStart % (1 << orderFor(pages)) === 0)) return;
  throw new PolicyError('contiguous', 'its pages are not contiguous and naturally aligned');
}
