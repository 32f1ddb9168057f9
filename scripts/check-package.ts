// `npm run check:package`: what a user gets. Packs, lints the tarball, installs it into an empty project, type-checks and
// runs imports there. Needs the npm registry (or its cache) for the runtime dependencies.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'underpass-package-'))
  try {
    const tarball = pack(folder)
    run('publint', binary('publint'), ['run', '--strict', tarball])
    run('attw', binary('attw'), ['--profile', 'esm-only', '--no-emoji', tarball])
    install(folder, tarball)
    typeCheck(folder)
    importEverything(folder)
    process.stdout.write('The package is sound.\n')
    return 0
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function pack(folder: string): string {
  rmSync('dist', { recursive: true, force: true })
  run('build', 'npm', ['run', '--silent', 'build'])
  const printed = run('npm pack', 'npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder])
  const [packed] = JSON.parse(printed) as [{ readonly filename: string }]
  return join(folder, packed.filename)
}

function install(folder: string, tarball: string): void {
  const project = projectOf(folder)
  mkdirSync(project)
  write(project, 'package.json', { name: 'empty', version: '1.0.0', private: true, type: 'module' })
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error']
  run('npm install', 'npm', ['install', '--prefer-offline', ...quiet, tarball], project)
}

/** A user's TypeScript, strict, with our declarations checked too. */
function typeCheck(folder: string): void {
  const project = projectOf(folder)
  const strict = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    module: 'nodenext',
    target: 'es2023',
    skipLibCheck: false,
  }
  const checks = [
    {
      name: 'node',
      entries: ['underpass', 'underpass/node', 'underpass/duplex', 'underpass/gateway'],
      options: {
        lib: ['es2023', 'esnext.disposable', 'dom', 'dom.asynciterable'],
        types: ['node'],
        typeRoots: [join(process.cwd(), 'node_modules/@types')],
      },
    },
    {
      name: 'browser',
      entries: ['underpass', 'underpass/browser'],
      options: { lib: ['es2023', 'esnext.disposable', 'dom', 'dom.asynciterable'], types: [] },
    },
  ]
  for (const { name, entries, options } of checks) {
    const imports = entries
      .map((entry, at) => `import * as entry${at} from '${entry}'\nvoid entry${at}\n`)
      .join('')
    write(project, `${name}.ts`, imports + (name === 'node' ? dialerSnippet : ''))
    write(project, `tsconfig.${name}.json`, {
      compilerOptions: { ...strict, ...options },
      files: [`${name}.ts`],
    })
    run(`tsc (${name})`, binary('tsc'), ['-p', `tsconfig.${name}.json`], project)
  }
}

const dialerSnippet = `import { createDialer } from 'underpass/node'
const dialer = createDialer({ origin: 'https://proxy.example.com', trust: 'PEM' })
const socket = await dialer.connect({ alpn: ['postgresql'], serverName: 'db.example.com' })
const readable: ReadableStream<Uint8Array> = socket.readable
void readable
await dialer.close()
`

function importEverything(folder: string): void {
  const project = projectOf(folder)
  const lines = [
    'underpass',
    'underpass/node',
    'underpass/workerd',
    'underpass/browser',
    'underpass/duplex',
    'underpass/gateway',
    'underpass/errors',
  ].map(
    (entry) =>
      `if (Object.keys(await import('${entry}')).length === 0) throw new Error('${entry} exports nothing')`,
  )
  lines.push(
    `import { createDialer } from 'underpass/node'`,
    `if (typeof createDialer !== 'function') throw new Error('no createDialer')`,
    // One class of errors, whichever door an error comes through.
    `import { TunnelError } from 'underpass/errors'`,
    `import { createDialer as inPage } from 'underpass/browser'`,
    `import { createGateway } from 'underpass/gateway'`,
    `const refused = []`,
    `for (const make of [createDialer, inPage, createGateway])`,
    `  try { await make({}) } catch (error) { refused.push(error) }`,
    `if (refused.length !== 3 || !refused.every((error) => error instanceof TunnelError))`,
    `  throw new Error('an error is of another class than TunnelError')`,
    // What is found by its place in the package: the page that the gateway serves.
    `import { existsSync } from 'node:fs'`,
    `if (!existsSync(new URL('../console/index.html', import.meta.resolve('underpass/gateway'))))`,
    `  throw new Error('the console is not where the gateway looks for it')`,
  )
  write(project, 'run.js', `${lines.join('\n')}\n`)
  run('node run.js', process.execPath, ['run.js'], project)
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }
  const printed = run(
    'underpass --version',
    join(project, 'node_modules/.bin/underpass'),
    ['--version'],
    project,
  )
  if (!printed.includes(version)) throw new Error(`underpass --version printed ${printed}`)
}

function projectOf(folder: string): string {
  return join(folder, 'project')
}

function write(folder: string, name: string, content: unknown): void {
  writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2))
}

function binary(name: string): string {
  return join(process.cwd(), 'node_modules/.bin', name)
}

/** Runs a step; its output is shown only when it fails. */
function run(step: string, command: string, args: readonly string[], cwd?: string): string {
  process.stdout.write(`${step}\n`)
  try {
    return execFileSync(command, [...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], cwd })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${step} failed:\n${stdout}${stderr}`)
  }
}
