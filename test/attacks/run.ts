// Runs attacks against `underpass serve`, each beside a canary tunnel, and gathers what the gateway did: what was seen
// outside, what its metrics counted, what its log says, and how the canary fared.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { innerName, makeCredentials, type Program, route, startProgram } from '../interop/gateway-program.js'
import { processes } from '../soak/processes.js'
import { startEcho } from '../support/services.js'
import { closeAll } from '../unit/gateway/clients.js'
import { type Attack, attacks, type Seen } from './attacks.js'
import type { Song } from './canary.js'

export interface Result extends Seen {
  readonly attack: string
  /** What the metrics counted meanwhile, by code. */
  readonly counted: Readonly<Record<string, number>>
  /** Lines of the log meanwhile, and those of them that are not one clean line of JSON. */
  readonly lines: number
  readonly dirty: readonly string[]
  /** Lines about refusals, by code. */
  readonly told: Readonly<Record<string, number>>
  readonly before: Song
  readonly during: Song
}

export interface RunOptions {
  /** A build of the package. */
  readonly dist: string
  readonly scale?: number
  readonly say?: (line: string) => void
}

const configuration = `
[log]
file = "gateway.log"
[timeouts]
request = "1s"
handshake = "3s"
[limits]
halfOpen = 100
`

/** Every attack in turn. */
export async function runAttacks({ dist, scale = 1, say = () => {} }: RunOptions): Promise<Result[]> {
  const credentials = await makeCredentials()
  await using place = await processes('test/attacks', ['canary'])
  const echo = await startEcho()
  const program = await startProgram(dist, credentials, route('echo', echo.port), configuration)
  try {
    const canary = await place.start('canary')
    const { host, users, alice } = credentials
    await canary.ask({
      do: 'sing',
      origin: `http://127.0.0.1:${program.upgrade}`,
      trust: host.certificate,
      serverName: innerName,
      identity: { certificate: alice.chain, privateKey: alice.privateKey },
    })
    const target = { upgrade: program.upgrade, direct: program.direct, host, users, alice, scale }
    const results: Result[] = []
    for (const attack of attacks) {
      await canary.ask({ do: 'tell' })
      await sleep(300)
      const before = await canary.ask<Song>({ do: 'tell' })
      const [countedBefore, linesBefore] = [await refusals(program), logLines(program).length]
      const seen = await attack.run(target)
      const during = await canary.ask<Song>({ do: 'tell' })
      await closeAll()
      const counted = await settled(program, attack, countedBefore, seen)
      const lines = logLines(program).slice(linesBefore)
      results.push({
        attack: attack.name,
        ...seen,
        counted,
        lines: lines.length,
        dirty: lines.filter((line) => !isClean(line)),
        told: tally(
          lines
            .filter(isClean)
            .map((line) => JSON.parse(line))
            .filter(({ msg }) => msg === 'refused')
            .map(({ code }) => code),
        ),
        before,
        during,
      })
      say(`${attack.name}: ${JSON.stringify(seen.outcomes)} ${JSON.stringify(counted)}`)
    }
    await canary.ask({ do: 'stop' })
    return results
  } finally {
    await closeAll()
    await program.process.stop()
    await echo.stop()
  }
}

/** One line of JSON without a control character, a separator or a mark that turns text around. */
function isClean(line: string): boolean {
  if (/[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(line)) return false
  try {
    return typeof JSON.parse(line).msg === 'string'
  } catch {
    return false
  }
}

function logLines({ folder }: Program): string[] {
  return readFileSync(join(folder.path, 'gateway.log'), 'utf8').split('\n').slice(0, -1)
}

async function refusals(program: Program): Promise<Record<string, number>> {
  const { text } = await program.ask('/metrics')
  const counts: Record<string, number> = {}
  for (const [, code, value] of text.matchAll(/^underpass_refused_total\{.*code="(\w+)".*\} (\d+)$/gm))
    counts[code!] = (counts[code!] ?? 0) + Number(value)
  return counts
}

/** The difference, once all attempts are in it or nothing more comes. */
async function settled(
  program: Program,
  { codes }: Attack,
  before: Readonly<Record<string, number>>,
  { attempts }: Seen,
): Promise<Record<string, number>> {
  let last = -1
  for (let quiet = 0; ; ) {
    const now = Object.entries(await refusals(program)).map(
      ([code, value]) => [code, value - (before[code] ?? 0)] as const,
    )
    const counted = Object.fromEntries(now.filter(([, value]) => value > 0))
    const total = Object.values(counted).reduce((sum, value) => sum + value, 0)
    quiet = total === last ? quiet + 1 : 0
    if ((codes.length > 0 && total >= attempts) || quiet >= 15) return counted
    last = total
    await sleep(100)
  }
}

function tally(values: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}
