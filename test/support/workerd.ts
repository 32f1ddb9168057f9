// Workers of tests: bundled from a module of this repository and run by the workerd that wrangler brings, on loopback, with
// or without nodejs_compat. A test talks to one by a call with JSON and gets JSON back.
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { projectRoot } from '../structure/source.js'
import { temporaryFolder } from './files.js'

export const compatibilityDate = '2026-04-01'

export interface WorkerdOptions {
  /** As `bundleModule` and `bundleByWrangler` make it. */
  readonly script: string
  readonly nodejsCompat?: boolean
  readonly bindings?: Readonly<Record<string, string>>
  /** PEM: what the runtime's own TLS trusts beside its roots. The first call in a process decides for all. */
  readonly authorities?: string
  /** Answers what the Worker fetches, in place of the network; connect() opens nothing then. */
  readonly outbound?: (request: Request) => Promise<Response>
}

export interface Workerd extends AsyncDisposable {
  /** Rejects with the Worker's text unless it answers 200. */
  call<T>(ask: object): Promise<T>
  /** What a plain GET is answered with. Rejects unless that is 200. */
  text(): Promise<string>
}

interface MiniflareLike {
  dispatchFetch(url: string, init: object): Promise<{ readonly status: number; text(): Promise<string> }>
  dispose(): Promise<void>
}

export async function startWorkerd(options: WorkerdOptions): Promise<Workerd> {
  const { script, nodejsCompat = false, bindings = {}, authorities, outbound } = options
  const Miniflare = await miniflareClass<MiniflareLike>(authorities)
  const worker = new Miniflare({
    modules: true,
    script,
    compatibilityDate,
    compatibilityFlags: flags(nodejsCompat),
    cf: false,
    bindings,
    ...(outbound && { outboundService: outbound }),
    // What the runtime prints of connections that tests break is no news.
    handleRuntimeStdio: (...streams: NodeJS.ReadableStream[]) => {
      for (const stream of streams) stream.resume()
    },
  })
  const answered = async (init: object) => {
    const response = await worker.dispatchFetch('http://worker.test/', init)
    const text = await response.text()
    if (response.status !== 200) throw new Error(`${response.status} ${text}`)
    return text
  }
  return {
    call: async <T>(ask: object) =>
      JSON.parse(await answered({ method: 'POST', body: JSON.stringify(ask) })) as T,
    text: () => answered({}),
    // One that did not start says so twice: the first time is enough.
    [Symbol.asyncDispose]: () => worker.dispose().catch(() => {}),
  }
}

/** One file, as a bundler without chunks makes it, of a module that exports `answer(request): Promise<Response>`. */
export async function bundleModule(
  module: string,
  alias: Readonly<Record<string, string>> = {},
): Promise<string> {
  const contents = `import { answer } from ${JSON.stringify(module)}\nexport default { fetch: answer }`
  const bundled = await build({
    stdin: { contents, resolveDir: dirname(module) },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2023',
    conditions: ['workerd', 'worker'],
    external: ['cloudflare:*'],
    alias,
    // "sideEffects": false in package.json would drop the tests' polyfill.
    ignoreAnnotations: true,
  })
  return bundled.outputFiles[0]!.text
}

/**
 * `wrangler deploy --dry-run` of a module whose default export is the Worker, or of its text. No account, no network.
 */
export async function bundleByWrangler(
  given: string | { readonly text: string },
  nodejsCompat = true,
): Promise<string> {
  const folder = await mkdtemp(join(projectRoot, 'node_modules', '.underpass-worker-'))
  try {
    const module = typeof given === 'string' ? given : join(folder, 'worker.ts')
    if (typeof given !== 'string') await writeFile(module, given.text)
    const config = join(folder, 'wrangler.json')
    const source = (path: string) => join(projectRoot, 'src', path)
    const alias = {
      'underpass/workerd': source('platform/workerd/index.ts'),
      'underpass/duplex': source('duplex/index.ts'),
    }
    const compatibility = { compatibility_date: compatibilityDate, compatibility_flags: flags(nodejsCompat) }
    await writeFile(
      config,
      JSON.stringify({ name: 'test', main: module, send_metrics: false, alias, ...compatibility }),
    )
    const wrangler = join(projectRoot, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
    const outdir = join(folder, 'out')
    await promisify(execFile)(
      process.execPath,
      [wrangler, 'deploy', '--dry-run', '--config', config, '--outdir', outdir],
      {
        cwd: projectRoot,
        env: {
          ...process.env,
          CI: '1',
          NO_COLOR: '1',
          WRANGLER_SEND_METRICS: 'false',
          WRANGLER_LOG_PATH: join(folder, 'logs'),
          XDG_CONFIG_HOME: folder,
        },
      },
    )
    return await readFile(join(outdir, basename(module).replace(/\.ts$/, '.js')), 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** For `outbound`: what the Worker fetches is fetched here, WebSockets too. */
export function fetchByMiniflare(): (request: Request) => Promise<Response> {
  return ({ url, headers }) => {
    // Key and version are made anew.
    const passed = ['upgrade', 'sec-websocket-protocol'].flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    return miniflare().fetch(url, { headers: Object.fromEntries(passed) })
  }
}

interface MiniflareModule {
  readonly Miniflare: new (options: object) => never
  fetch(url: string, init: { readonly headers: object }): Promise<Response>
}

// wrangler brings the one miniflare that fits the pinned workerd.
function miniflare(): MiniflareModule {
  return createRequire(createRequire(import.meta.url).resolve('wrangler'))('miniflare') as MiniflareModule
}

function flags(nodejsCompat: boolean): string[] {
  return [nodejsCompat ? 'nodejs_compat' : 'no_nodejs_compat']
}

/** wrangler's own. Whom the runtime's TLS trusts is said once: miniflare reads NODE_EXTRA_CA_CERTS when it is loaded. */
export async function miniflareClass<Instance>(
  authorities: string | undefined,
): Promise<new (options: object) => Instance> {
  if (authorities === undefined) return miniflare().Miniflare
  const before = process.env.NODE_EXTRA_CA_CERTS
  await using folder = await temporaryFolder('authorities')
  const file = join(folder.path, 'authorities.pem')
  writeFileSync(file, `${before === undefined ? '' : readFileSync(before, 'utf8')}\n${authorities}`)
  process.env.NODE_EXTRA_CA_CERTS = file
  try {
    return miniflare().Miniflare
  } finally {
    if (before === undefined) delete process.env.NODE_EXTRA_CA_CERTS
    else process.env.NODE_EXTRA_CA_CERTS = before
  }
}

/** Processes of workerd that this one started. */
export function runtimes(): number[] {
  // proc(5): the command stands in brackets, the state and the parent behind it.
  const ours = new RegExp(`^\\d+ \\(workerd\\) \\S ${process.pid} `)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && ours.test(ofProcess(`${name}/stat`)))
    .map(Number)
}

/** Bytes of memory that they hold: what an isolate's limit would be counted against. */
export function runtimeMemory(): number {
  const sizes = runtimes().map((pid) => Number(/^VmRSS:\s+(\d+)/m.exec(ofProcess(`${pid}/status`))?.[1] ?? 0))
  return sizes.reduce((sum, kilobytes) => sum + kilobytes * 1024, 0)
}

/** Empty when it has just ended. */
export function ofProcess(path: string): string {
  try {
    return readFileSync(join('/proc', path), 'utf8')
  } catch {
    return ''
  }
}
