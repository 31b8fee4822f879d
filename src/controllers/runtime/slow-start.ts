/** Doing many alike things in batches of 1, 2, 4, ...: what fails for all fails early and cheaply (`slowStartBatch`). */

/**
 * Runs `act` on each item, the items of a batch together; stops after a batch with a failure.
 * Answers how many succeeded, and the first failure.
 */
export async function slowStart<T>(
  items: readonly T[],
  act: (item: T) => Promise<unknown>,
): Promise<{ readonly done: number; readonly error?: unknown }> {
  let done = 0
  let at = 0
  for (let size = 1; at < items.length; size *= 2) {
    const batch = items.slice(at, at + size)
    const results = await Promise.allSettled(batch.map(act))
    const failure = results.find((result) => result.status === 'rejected')
    done += results.filter(({ status }) => status === 'fulfilled').length
    if (failure) return { done, error: failure.reason }
    at += batch.length
  }
  return { done }
}
