// Prints at the end of a run which real peers were exercised, and every test that did not run. A missing peer under CI=true
// is a failing test of its own (peers.ts); what may be absent anywhere, such as public vectors, is only named here. Loaded
// by vitest.config.ts, in vitest's own process, where nothing from a test file may be imported.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestModule } from 'vitest/node'
import type { Reporter } from 'vitest/reporters'

/** Tells the workers where to record, and reads it all when they are done. */
export function peersReporter(): Reporter {
  const folder = mkdtempSync(join(tmpdir(), 'underpass-peers-'))
  process.env.UNDERPASS_PEER_RECORD = folder
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  let filtered = false
  return {
    onInit(vitest) {
      filtered = vitest.config.testNamePattern !== undefined
    },
    onTestRunEnd(modules) {
      const text = summary(readRecord(folder))
      if (text !== '') process.stdout.write(`\n${text}\n`)
      if (!filtered) nameSkipped(modules)
    },
  }
}

function nameSkipped(modules: ReadonlyArray<TestModule>): void {
  const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
  if (skipped.length === 0) return
  process.stdout.write(`\n${skipped.length} tests SKIPPED:\n`)
  const counts = new Map<string, number>()
  for (const { module } of skipped)
    counts.set(module.relativeModuleId, (counts.get(module.relativeModuleId) ?? 0) + 1)
  for (const [module, count] of counts) process.stdout.write(`  ${count} in ${module}\n`)
}

interface PeerRecord {
  /** Name to version. */
  readonly exercised: ReadonlyMap<string, string>
  /** Name to Debian packages. */
  readonly missing: ReadonlyMap<string, string>
}

function summary({ exercised, missing }: PeerRecord): string {
  const lines: string[] = []
  if (exercised.size > 0) {
    lines.push('Real peers exercised:')
    for (const [name, version] of exercised) lines.push(`  ${name} ${version}`)
  }
  if (missing.size > 0) {
    const packages = [...new Set([...missing.values()].flatMap((names) => names.split(' ')))].sort()
    lines.push(`Real peers NOT exercised, because they are not installed: ${[...missing.keys()].join(', ')}`)
    lines.push('Install them all with:')
    lines.push(`  apt-get install --no-install-recommends -y ${packages.join(' ')}`)
  } else if (exercised.size > 0) {
    lines.push('None of those asked for was missing.')
  }
  return lines.join('\n')
}

function readRecord(folder: string): PeerRecord {
  const of = (kind: string): Map<string, string> =>
    new Map(
      readdirSync(folder)
        .filter((file) => file.startsWith(`${kind}-`))
        .sort()
        .map((file) => [
          decodeURIComponent(file.slice(kind.length + 1)),
          readFileSync(join(folder, file), 'utf8'),
        ]),
    )
  return { exercised: of('exercised'), missing: of('missing') }
}
