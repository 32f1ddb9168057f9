// The attacks for `attack-doc`, which starts them in a thread: the library of test certificates wants a polyfill before it.
import { parentPort, workerData } from 'node:worker_threads'
import { buildPackage } from '../support/build.js'
import { type Result, runAttacks } from './run.js'

export type Told = { readonly line: string } | { readonly results: readonly Result[] }

const tell = (told: Told) => parentPort!.postMessage(told)
const { scale } = workerData as { readonly scale: number }
const build = await buildPackage(process.cwd())
try {
  tell({ results: await runAttacks({ dist: build.folder, scale, say: (line) => tell({ line }) }) })
} finally {
  await build.remove()
}
