/** Lets at most `count` asynchronous tasks run at once, in the order they came. */
export function limiter(count: number): <Result>(task: () => Promise<Result>) => Promise<Result> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (running >= count) await new Promise<void>((resolve) => waiting.push(resolve));
    else running += 1;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The place is handed on, not given back, so that no newcomer slips in between.
      if (next) next();
      else running -= 1;
    }
  };
}
