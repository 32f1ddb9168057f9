// Runs BoringSSL's runner over the client tests that count, strict errors and alerts:
//   BOGO_RUNNER=<runner binary> BOGO_DIR=<ssl/test/runner> node test/bogo/run.mjs [--json FILE] [--log FILE] [PATTERN…]
// BOGO_TESTS names the list (default: the conformance folder beside the checkout). Exit status 0: nothing failed.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { group } from './groups.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const { BOGO_RUNNER, BOGO_DIR } = process.env
const listFile = process.env.BOGO_TESTS ?? join(here, '../../../shared/conformance/bogo-client-tests.json')
if (!BOGO_RUNNER || !BOGO_DIR || !existsSync(listFile)) {
  process.stderr.write(
    'BOGO_RUNNER (the runner binary), BOGO_DIR (ssl/test/runner of BoringSSL) and a list of tests are needed.\n',
  )
  process.exit(2)
}

const [options, patterns] = readArguments(process.argv.slice(2))
const config = join(here, 'config.json')
const { DisabledTests } = JSON.parse(readFileSync(config, 'utf8'))
const tests = JSON.parse(readFileSync(listFile, 'utf8')).filter(
  ({ name }) => patterns.length === 0 || patterns.some((pattern) => matches(name, pattern)),
)

const folder = mkdtempSync(join(tmpdir(), 'underpass-bogo-'))
try {
  const bundle = join(folder, 'shim.cjs')
  const reasons = join(folder, 'reasons')
  writeFileSync(reasons, '')
  const built = await run(process.execPath, [join(here, 'build.mjs'), bundle], {})
  if (built.status !== 0) throw new Error('the shim cannot be built')
  const { output } = await run(
    BOGO_RUNNER,
    [
      '-shim-path',
      join(here, 'shim'),
      '-shim-config',
      config,
      '-num-workers',
      String(availableParallelism()),
      '-allow-unimplemented',
      '-pipe',
      '-test',
      tests.map(({ name }) => name).join(';'),
    ],
    { cwd: BOGO_DIR, env: { ...process.env, BOGO_SHIM_BUNDLE: bundle, BOGO_SHIM_REASONS: reasons } },
  )
  if (options.log !== undefined) writeFileSync(options.log, output)
  process.exitCode = report(readResults(output), readReasons(reasons))
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** By name: `PASSED`, `FAILED` with what the runner said, or `UNIMPLEMENTED`. */
function readResults(output) {
  const results = new Map()
  let failed
  for (const line of output.split('\n')) {
    const [, status, name] = /^(PASSED|FAILED|UNIMPLEMENTED) \((.*)\)$/.exec(line) ?? []
    if (status === undefined) failed?.push(line)
    else {
      failed = status === 'FAILED' ? [] : undefined
      results.set(name, { status, lines: failed ?? [] })
    }
  }
  return results
}

/** How often each reason was given for not running a test. */
function readReasons(file) {
  const counts = new Map()
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // `-flag value: reason`: the same reason may come from many flags.
    const reason = line.slice(line.indexOf(': ') + 2)
    if (line !== '') counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}

function report(results, reasons) {
  const of = (wanted) => tests.filter(({ name }) => results.get(name)?.status === wanted)
  const disabled = tests.filter(({ name }) =>
    Object.keys(DisabledTests).some((pattern) => matches(name, pattern)),
  )
  const failed = of('FAILED').map((test) => ({ ...test, lines: results.get(test.name).lines }))
  const accepted = failed.filter(({ lines }) => lines[0] === 'unexpected success')
  const missing = tests.filter((test) => !results.has(test.name) && !disabled.includes(test))
  const groups = new Map()
  for (const test of failed) {
    const title = group(test)
    groups.set(title, [...(groups.get(title) ?? []), test.name])
  }
  const sorted = [...groups].sort(([, a], [, b]) => b.length - a.length)
  for (const [title, names] of sorted) {
    say(`\n${names.length} × ${title}`)
    for (const name of names) say(`    ${name}`)
  }
  say('\nunimplemented:')
  for (const [reason, count] of reasons) say(`${String(count).padStart(5)} × ${reason}`)
  say('\ndisabled:')
  for (const [pattern, reason] of Object.entries(DisabledTests)) {
    const count = disabled.filter(({ name }) => matches(name, pattern)).length
    if (count > 0) say(`${String(count).padStart(5)} × ${pattern}: ${reason}`)
  }
  say('')
  const counts = {
    tests: tests.length,
    passed: of('PASSED').length,
    failed: failed.length,
    unimplemented: of('UNIMPLEMENTED').length,
    disabled: disabled.length,
    notRun: missing.length,
    mustFailAccepted: accepted.length,
  }
  for (const [name, count] of Object.entries(counts)) say(`${name.padEnd(18)}${count}`)
  for (const { name } of accepted) say(`    accepted: ${name}`)
  if (options.json !== undefined)
    writeFileSync(
      options.json,
      JSON.stringify(
        { counts, unimplemented: Object.fromEntries(reasons), failures: Object.fromEntries(sorted) },
        null,
        2,
      ),
    )
  return failed.length + missing.length === 0 ? 0 : 1
}

/** Exit status and standard output of a program; its standard error is ours. */
function run(command, args, settings) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...settings, stdio: ['ignore', 'pipe', 'inherit'] })
    const chunks = []
    child.stdout.on('data', (chunk) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (status) => resolve({ status, output: Buffer.concat(chunks).toString() }))
  })
}

/** The runner's globs: `*` and `?` in a name without slashes. */
function matches(name, pattern) {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.')
  return new RegExp(`^${source}$`).test(name)
}

function readArguments(args) {
  const found = {}
  const rest = []
  for (let i = 0; i < args.length; i++) {
    const [, name] = /^--(json|log)$/.exec(args[i]) ?? []
    if (name === undefined) rest.push(args[i])
    else found[name] = args[++i]
  }
  return [found, rest]
}

function say(line) {
  process.stdout.write(`${line}\n`)
}
