/** What the servers of the benchmarks are called. */
export const serverName = 'server.bench.test'
