// The soak for `npm run soak`, which starts it in a thread: the library of test certificates wants a polyfill before it.
import { parentPort, workerData } from 'node:worker_threads'
import { type SoakOptions, soak } from './soak.js'

export type Told = { readonly line: string } | { readonly report: Awaited<ReturnType<typeof soak>> }

const tell = (told: Told) => parentPort!.postMessage(told)
tell({ report: await soak({ ...(workerData as SoakOptions), say: (line) => tell({ line }) }) })
