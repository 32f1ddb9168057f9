// `npm run fuzz -- [--seconds 300] [--target NAME]… [--seed N] [--input FILE] [--guided] [--json]`: every fuzz target
// for its share of the time, each in a thread of its own, so that an input which never ends is noticed and named. --guided: led
// by the code that inputs reach. Status 1 on findings.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Finding, Report } from '../test/fuzz/run.js'
import type { Answer, Task } from '../test/fuzz/thread.js'
import { instrumented } from './instrument.js'
import { type Program, program } from './thread.js'

/** Milliseconds without an execution until a thread is taken for hung. */
const patience = 40_000
/** Bytes of JSON kept of the input under way in a guided run. */
const maxNote = 1 << 20

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '300' },
      target: { type: 'string', multiple: true },
      seed: { type: 'string' },
      input: { type: 'string' },
      guided: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  using threads = await program('test/fuzz/thread.ts', values.guided ? [instrumented] : [])
  const { names } = (await ask(threads, undefined)) as Extract<Answer, { names: unknown }>
  const chosen = names.filter((name) => values.target?.includes(name) ?? true)
  if (chosen.length === 0 || (values.input !== undefined && chosen.length !== 1)) {
    process.stderr.write(`--target is one of ${names.join(', ')}\n`)
    return 2
  }
  const seed = values.seed === undefined ? Date.now() & 0x7fff_ffff : Number(values.seed)
  const input = values.input === undefined ? undefined : readFileSync(values.input, 'utf8')
  const time = (Number(values.seconds) * 1000) / chosen.length
  const say = (text: string) => void (values.json || process.stdout.write(`${text}\n`))
  const reports: Report[] = []
  say(`${row('target', 'executions', 'a second', 'findings')}   seed ${seed}`)
  for (const target of chosen) {
    const { report, what } = await inThread(threads, {
      target,
      time,
      seed,
      input,
      place: new SharedArrayBuffer(12),
      ...(values.guided && { guided: new SharedArrayBuffer(maxNote) }),
    })
    reports.push(report)
    const { executions, milliseconds, findings, corpus, reached } = report
    const rate = Math.round((1000 * executions) / milliseconds)
    const guided = reached === undefined ? '' : `${corpus} inputs reach ${reached.counters} counters; `
    say(`${row(target, executions, rate, findings.length)}   ${guided}${what}`)
    for (const finding of findings) say(described(finding, values.guided))
  }
  const findings = reports.flatMap((report) => report.findings)
  const executions = reports.reduce((sum, report) => sum + report.executions, 0)
  say(`${executions} executions, ${findings.length} findings`)
  if (values.json) {
    const shown = reports.map((report) => ({ ...report, milliseconds: Math.round(report.milliseconds) }))
    const whole = { schema: 'underpass/fuzz/1', seed, executions, findings: findings.length, targets: shown }
    process.stdout.write(`${JSON.stringify(whole, null, 2)}\n`)
  }
  return findings.length === 0 ? 0 : 1
}

function row(name: string, ...cells: readonly (string | number)[]): string {
  return name.padEnd(18) + cells.map((cell) => String(cell).padStart(11)).join('')
}

function described({ target, message, input, seed }: Finding, guided: boolean): string {
  const shown =
    input.length > 2000 ? `${input.slice(0, 2000)}… (${input.length} characters; --json has them all)` : input
  return [
    `  ${message}`,
    `    input: ${shown}`,
    ...(guided ? [] : [`    again: npm run fuzz -- --target ${target} --seed=${seed} --seconds 5`]),
    `    again, the input in a file: npm run fuzz -- --target ${target} --input FILE`,
  ].join('\n')
}

async function ask(threads: Program, task: Task | undefined): Promise<Answer> {
  const worker = threads.start(task)
  const answer = await new Promise<Answer>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  await worker.terminate()
  return answer
}

async function inThread(threads: Program, task: Task): Promise<{ report: Report; what: string }> {
  const place = new Int32Array(task.place)
  const worker = threads.start(task)
  const started = performance.now()
  let told = -1
  let quiet = 0
  let watch: NodeJS.Timeout | undefined
  try {
    const answer = await new Promise<Answer | undefined>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      watch = setInterval(() => {
        if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${task.target}: ${place[2]} executions`)
        quiet = place[2] === told ? quiet + 1000 : 0
        told = place[2]!
        if (quiet >= patience) resolve(undefined)
      }, 1000)
    })
    if (answer !== undefined) return answer as { report: Report; what: string }
  } finally {
    clearInterval(watch)
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
    await worker.terminate()
  }
  const [batch = 0, index = 0, executions = 0] = place
  const sampled = task.input ?? noted(task.guided) ?? (await inputAt(threads, task, batch, index))
  const finding = {
    target: task.target,
    message: `no end within ${patience} ms`,
    input: sampled,
    seed: task.seed,
  }
  return {
    report: {
      target: task.target,
      executions,
      milliseconds: performance.now() - started,
      findings: [finding],
    },
    what: 'hung',
  }
}

function noted(guided: SharedArrayBuffer | undefined): string | undefined {
  if (guided === undefined) return undefined
  const [length = 0] = new Uint32Array(guided, 0, 1)
  return Buffer.from(new Uint8Array(guided, 4, length)).toString()
}

async function inputAt(threads: Program, task: Task, batch: number, index: number): Promise<string> {
  const answer = await ask(threads, { ...task, sample: { batch, index } })
  return 'input' in answer ? answer.input : ''
}
