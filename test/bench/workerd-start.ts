// What starting the Worker of this repository costs: workerd's CPU from its birth to the first answer, less the same for a
// Worker that does nothing. The platform allows a script one second for its top level.
import { readdirSync } from 'node:fs'
import { ofProcess, runtimes, startWorkerd } from '../support/workerd.js'
import { bundleWorker } from '../worker/support.js'
import { alternate, type Benchmark } from './row.js'

const empty = `export default { fetch: () => new Response(null, { status: 404 }) }`

export const workerdStart: Benchmark = {
  name: 'workerd-start',
  async run({ rounds, say }) {
    say('start of the Worker')
    const { script } = await bundleWorker(process.cwd())
    const samples = await alternate(rounds, { underpass: () => start(script), empty: () => start(empty) })
    return [
      {
        name: "workerd start of the Worker to its first answer, CPU over an empty one's",
        unit: 'ms',
        better: 'less',
        ours: samples.underpass.map((cpu, round) => cpu - samples.empty[round]!),
        // A tenth of what the platform allows.
        bar: { of: 'value', must: 100, aim: 50 },
      },
    ]
  },
}

/** Milliseconds of CPU. */
async function start(script: string): Promise<number> {
  const before = new Set(runtimes())
  await using worker = await startWorkerd({ script, nodejsCompat: true })
  // Both say that there is nothing at this path.
  const answer = await worker.text().catch((error: Error) => error.message)
  const pid = runtimes().find((each) => !before.has(each))
  if (pid === undefined || !answer.startsWith('404')) throw new Error(`workerd did not start: ${answer}`)
  return cpuOf(pid)
}

/** Milliseconds of all its threads: the first number of schedstat is in nanoseconds. */
function cpuOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map((id) => ofProcess(`${pid}/task/${id}/schedstat`))
  return threads.reduce((sum, text) => sum + Number(text.split(' ')[0]), 0) / 1e6
}
