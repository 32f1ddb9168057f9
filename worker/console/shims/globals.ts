// Names that Node has everywhere, for the PostgreSQL client alone: esbuild puts them only into files that use them.
export { Buffer } from 'buffer'

/** As much of Node's `process` as the client reads. */
export const process: {
  readonly env: Readonly<Record<string, string>>
  readonly domain: undefined
  nextTick(task: (...args: unknown[]) => void, ...args: unknown[]): void
} = {
  env: {},
  domain: undefined,
  nextTick: (task, ...args) => queueMicrotask(() => task(...args)),
}
