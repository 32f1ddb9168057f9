// `npm run soak -- [--minutes 20] [--tunnels 2000] [--churn N] [--rate BYTES] [--seed N] [--default-deadlines] [--json]`: tunnels through HAProxy
// under traffic, churn and disturbances; see test/soak/soak.ts. Status 1 unless its verdict is `pass`.
import { parseArgs } from 'node:util'
import type { SoakReport } from '../test/soak/report.js'
import type { SoakOptions } from '../test/soak/soak.js'
import type { Told } from '../test/soak/thread.js'
import type { Growth } from '../test/soak/trends.js'
import { program } from './thread.js'

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '20' },
      tunnels: { type: 'string', default: '2000' },
      churn: { type: 'string', default: '12' },
      rate: { type: 'string', default: '5000000' },
      seed: { type: 'string', default: '1' },
      'default-deadlines': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const report = await inThread({
    minutes: Number(values.minutes),
    tunnels: Number(values.tunnels),
    churn: Number(values.churn),
    rate: Number(values.rate),
    seed: Number(values.seed),
    patient: !values['default-deadlines'],
  })
  if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`)
  else process.stdout.write(`${summary(report)}\n`)
  return report.verdict === 'pass' ? 0 : 1
}

async function inThread(options: SoakOptions): Promise<SoakReport> {
  using thread = await program('test/soak/thread.ts')
  const worker = thread.start(options)
  return await new Promise((resolve, reject) => {
    worker.on('message', (told: Told) => {
      if ('report' in told) resolve(told.report)
      else process.stderr.write(`${told.line}\n`)
    })
    worker.once('error', reject)
    worker.once('exit', () => reject(new Error('the soak ended without a report')))
  })
}

function summary(report: SoakReport): string {
  const { tunnels, bytes, ends } = report
  return [
    `${tunnels.opened} tunnels, ${tunnels.peak} at once, ${bytes.received} bytes back, ${report.checksumErrors} checksum errors`,
    `${ends.clean} clean ends, ${ends.explainedTotal} explained, ${ends.unexplainedTotal} unexplained`,
    ...Object.entries(report.trends).map(
      ([name, { heap, descriptors }]) =>
        `${name}: heap ${told(heap)} bytes a minute, descriptors ${told(descriptors)} a minute`,
    ),
    `machine: ${Math.round(100 * report.machine.busy)} % busy, load ${report.machine.loadAverage.join(' ')}`,
    ...report.unexplained.map((end) => JSON.stringify(end)),
    [report.verdict, ...report.reasons].join(': '),
  ].join('\n')
}

function told({ perMinute, plusMinus }: Growth): string {
  return `${perMinute} ± ${plusMinus}`
}
