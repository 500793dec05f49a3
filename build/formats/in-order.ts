/** Tasks side by side, their results in the order in which they were given. */

/**
 * Yields each task's result in turn while up to `width` of them run. After a
 * failure no further task starts, and none is still running when it is thrown.
 */
export async function* inOrder<Result>(
  tasks: AsyncIterable<() => Promise<Result>> | Iterable<() => Promise<Result>>,
  width: number,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for await (const task of tasks) {
      const started = task();
      // Its failure is thrown when its turn comes; until then it must not end the process.
      started.catch(() => undefined);
      running.push(started);
      if (running.length < width) continue;
      yield await first(running);
    }
    while (running.length > 0) yield await first(running);
  } finally {
    await Promise.allSettled(running);
  }
}

async function first<Result>(running: Promise<Result>[]): Promise<Result> {
  const result = await running[0]!;
  void running.shift();
  return result;
}
