// All benchmarks by name, loaded when they are run: some need a browser or workerd.
import type { Benchmark } from './row.js'

export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  handshake: async () => (await import('./handshake.js')).handshake,
  bulk: async () => (await import('./bulk.js')).bulk,
  pingpong: async () => (await import('./pingpong.js')).pingpong,
  workerd: async () => (await import('./workerd.js')).workerd,
  chromium: async () => (await import('./chromium.js')).chromium,
  tunnel: async () => (await import('./tunnel.js')).tunnel,
  scale: async () => (await import('./scale.js')).scale,
  bundle: async () => (await import('./bundle.js')).bundle,
  platforms: async () => (await import('./platforms.js')).platforms,
}

/** Those that `platforms` runs as well. */
export const parts: readonly string[] = ['chromium', 'workerd']
