// Prints at the end of a run which real peers were exercised, and where CI=true fails a run that skipped anything. Loaded
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
      if (process.env.CI === 'true' && !filtered) failWhenSkipped(modules)
    },
  }
}

function failWhenSkipped(modules: ReadonlyArray<TestModule>): void {
  const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
  if (skipped.length === 0) return
  process.stdout.write(`\nSkipped, which CI=true does not allow:\n`)
  for (const test of skipped) process.stdout.write(`  ${test.module.moduleId} > ${test.fullName}\n`)
  process.exitCode = 1
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
