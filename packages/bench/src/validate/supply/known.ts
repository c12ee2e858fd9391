/** No file says how fast kswapd is: in 6.1 it reclaims too slowly here, in 6.12 and 7.3 fast enough. */
const TIME =
  'kswapd works beside the requests on another CPU, and they give up before it is done; in the model it is done before the next request';

/** Rows for which the model is known to give another number of blocks, by kernel, state and flags. */
export const KNOWN_DIFFERENCES: Readonly<Record<string, string>> = {
  '6.1 churn kernel': TIME,
  '6.1 churn noretry': TIME,
  '6.1 cachefrag kernel': TIME,
  '6.1 cachefrag noretry': TIME,
  '7.3 frag kernel':
    'pages in per-CPU lists are in no recorded count: 11,496 of them came back, and 3 blocks more than buddyinfo has were given',
};
