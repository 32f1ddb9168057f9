// The Worker as it is deployed: bundled by wrangler, run by the workerd it pins, on loopback.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { WebSocket } from 'ws'
import { dialerOn } from '../../src/dial/index.js'
import type { Dialer, DialerOptions, Platform } from '../../src/index.js'
import { nodeCrypto } from '../../src/platform/node/crypto.js'
import { webSocketWire } from '../../src/platform/web-socket.js'
import { projectRoot } from '../structure/source.js'
import { miniflareClass } from '../support/workerd.js'

export const origin = 'https://console.test'
export const token = 'a-token-for-tests-alone'
export const ticketKey = 'a-key-for-tests-alone-of-32-chars-or-more'
export const compatibilityDate = '2026-04-21'

export interface WorkerBundle {
  readonly script: string
  /** What wrangler said. */
  readonly output: string
}

/** `wrangler deploy --dry-run` of the project in a folder: no account and no network. */
export async function bundleWorker(project: string = projectRoot): Promise<WorkerBundle> {
  const folder = await mkdtemp(join(project, 'node_modules', '.underpass-worker-'))
  try {
    const wrangler = join(project, 'node_modules', 'wrangler', 'bin', 'wrangler.js')
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      [wrangler, 'deploy', '--dry-run', '--env=', '--outdir', folder],
      {
        cwd: project,
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
    return { script: await readFile(join(folder, 'index.js'), 'utf8'), output: stdout + stderr }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface MiniflareLike {
  readonly ready: Promise<URL>
  unsafeGetDirectURL(): Promise<URL>
  dispose(): Promise<void>
}

export interface RunningWorker extends AsyncDisposable {
  readonly url: string
  /** Lines of the Worker's log, parsed, in order. */
  readonly log: ReadonlyArray<Readonly<Record<string, unknown>>>
  /** All that the runtime wrote. */
  readonly output: () => string
  /** Resolves with the first line that fits, past or to come. */
  logged(fits: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, unknown>>>
}

/** `bindings`: vars and secrets. */
export async function startWorker(
  { script }: WorkerBundle,
  bindings: Readonly<Record<string, unknown>>,
  given: {
    readonly ratelimits?: object
    /** PEM: who signs the load balancers. The first call in a process decides for all. */
    readonly authorities?: string
  } = {},
): Promise<RunningWorker> {
  const { authorities, ...options } = given
  const Miniflare = await miniflareClass<MiniflareLike>(authorities)
  const log: Array<Readonly<Record<string, unknown>>> = []
  const waiting = new Set<() => void>()
  let output = ''
  const worker = new Miniflare({
    modules: true,
    script,
    compatibilityDate,
    compatibilityFlags: ['nodejs_compat'],
    cf: false,
    // Straight to the Worker: the front door of miniflare codes bodies anew, and ends well what was cut.
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    bindings,
    ...options,
    handleRuntimeStdio(...streams: NodeJS.ReadableStream[]) {
      for (const stream of streams) {
        let rest = ''
        stream.on('data', (chunk) => {
          output += chunk
          const lines = (rest + chunk).split('\n')
          rest = lines.pop()!
          log.push(
            ...lines
              .filter((line) => line.startsWith('{'))
              .map((line) => JSON.parse(line) as object as never),
          )
          for (const look of waiting) look()
        })
      }
    },
  })
  await worker.ready
  const url = (await worker.unsafeGetDirectURL()).origin
  return {
    url,
    log,
    output: () => output,
    logged: (fits) =>
      new Promise((resolve) => {
        const look = () => {
          const line = log.find((each) => Object.entries(fits).every(([key, value]) => each[key] === value))
          if (line === undefined) return
          waiting.delete(look)
          resolve(line)
        }
        waiting.add(look)
        look()
      }),
    [Symbol.asyncDispose]: () => worker.dispose(),
  }
}

/** Code and status of a refusal. */
export async function refusalOf(response: Response): Promise<{ status: number; code: unknown }> {
  const body = (await response.json()) as { error: { code: string; message: string; hint: string } }
  const whole = [body.error.message, body.error.hint].every((text) => typeof text === 'string' && text !== '')
  return { status: response.status, code: whole ? body.error.code : body }
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

/** A page's WebSocket, as far as npm `ws` can be one. */
export interface PageSocket {
  readonly ws: WebSocket
  readonly closed: Promise<Closed>
  /** The next `count` messages. */
  messages(count: number): Promise<Buffer[]>
}

/** Opens, or gives the answer that refused. */
export async function openPage(
  url: string,
  headers: Readonly<Record<string, string>>,
  subprotocols: string[] = ['alpn-ping'],
): Promise<PageSocket | Response> {
  const ws = new WebSocket(url.replace(/^http/, 'ws'), subprotocols, { headers, perMessageDeflate: false })
  const received: Buffer[] = []
  let wake = () => {}
  ws.on('message', (data) => {
    received.push(data as Buffer)
    wake()
  })
  const closed = new Promise<Closed>((resolve) => {
    ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  const answer = await new Promise<Response | undefined>((resolve, reject) => {
    ws.once('open', () => resolve(undefined))
    ws.on('error', reject)
    ws.once('unexpected-response', (request, response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        request.destroy()
        resolve(
          new Response(Buffer.concat(chunks), {
            status: response.statusCode!,
            headers: response.headers as Record<string, string>,
          }),
        )
      })
    })
  })
  if (answer !== undefined) return answer
  ws.on('error', () => {})
  return {
    ws,
    closed,
    async messages(count) {
      while (received.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return received.splice(0, count)
    },
  }
}

/** The same, for tests that expect it to open. */
export async function page(...args: Parameters<typeof openPage>): Promise<PageSocket> {
  const opened = await openPage(...args)
  if (opened instanceof Response) throw new Error(`${opened.status} ${await opened.text()}`)
  return opened
}

/** A dialer that has WebSockets and nothing else, as a page has. */
export function pageDialer(options: DialerOptions): Dialer {
  const platform: Platform = {
    name: 'browser',
    crypto: nodeCrypto,
    now: () => Date.now(),
    async dialWebSocket(url, subprotocols, { headers }) {
      const { ws } = await page(url, Object.fromEntries(headers ?? []), [...subprotocols])
      return webSocketWire(ws as never, ws.protocol)
    },
  }
  return dialerOn(platform, options)
}
