// `npm run dev:worker`: the Worker on this machine, with all that it needs and no account: a database, a small web service,
// the gateway in front of both, a load balancer that ends TLS, and `wrangler dev` pointing there. Ctrl-C ends everything.
// The console is at the Worker's own URL; the one printed fills its form in.
// `-- --port 8787`, `-- --data .demo`, `-- --json` (one line on stdout when it is up).
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createAuthority } from '../src/cli/demo/certificates.js'
import { startDatabase } from '../src/cli/demo/database.js'
import { startLoadBalancer } from '../src/cli/demo/load-balancer.js'
import { createGateway } from '../src/gateway/index.js'

const gatewayName = 'gateway.underpass.internal'

interface Backstage {
  /** The load balancer. */
  readonly origin: string
  /** PEM: who signs the load balancer, the gateway. */
  readonly webCa: string
  readonly hostCa: string
  /** alice's, for the agent and for pages. */
  readonly certificate: string
  readonly privateKey: string
}

/** What ends what was started, in reverse. */
type Cleanup = Array<() => unknown>

export async function main(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: 'string', default: '8787' },
      data: { type: 'string', default: '.demo' },
      json: { type: 'boolean', default: false },
    },
  })
  const stopped = new AbortController()
  const stop = () => stopped.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)
  const cleanup: Cleanup = []
  try {
    const say = (line: string) => process.stderr.write(`${line}\n`)
    say('Starting the database, the gateway and the load balancer …')
    const backstage = await startBackstage(resolve(values.data), cleanup)
    if (stopped.signal.aborted) return 0
    say('Starting wrangler dev …')
    const token = randomBytes(24).toString('base64url')
    const wrangler = await startWrangler(backstage, { port: values.port, token }, cleanup)
    const url = await Promise.race([wrangler.url, once(stopped.signal, 'abort').then(() => undefined)])
    if (url === undefined) return 0
    if (values.json)
      process.stdout.write(
        `${JSON.stringify({ url, console: consoleUrl(url, token, backstage), token, ...backstage, serverName: gatewayName })}\n`,
      )
    else say(guide(url, token, consoleUrl(url, token, backstage)))
    await Promise.race([once(stopped.signal, 'abort'), wrangler.exited])
    return stopped.signal.aborted ? 0 : 1
  } finally {
    for (const end of cleanup.reverse()) await end()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
  }
}

async function startBackstage(data: string, cleanup: Cleanup): Promise<Backstage> {
  const web = createAuthority('Dev Web CA')
  const host = createAuthority('Dev Host CA')
  const users = createAuthority('Dev User CA')
  const database = await startDatabase(data)
  cleanup.push(() => database.close())
  const service = await startService(cleanup)
  const client = { trust: users.certificate, allow: [{ commonName: 'alice' }] }
  const gateway = await createGateway({
    listen: { upgrade: { port: 0 } },
    identity: host.issue({ commonName: gatewayName, names: [gatewayName], usage: 'server' }),
    routes: [
      { name: 'postgres', alpn: 'teleport-postgres', ping: true, connect: { port: database.port }, client },
      { name: 'web', alpn: 'http/1.1', connect: { port: service }, client },
    ],
  })
  cleanup.push(() => gateway.close())
  const balancer = await startLoadBalancer({
    ...web.issue({ commonName: 'localhost', names: ['localhost', '127.0.0.1'], usage: 'server' }),
    targetPort: gateway.addresses.upgrade!.port,
  })
  cleanup.push(() => balancer.close())
  return {
    origin: `https://localhost:${balancer.port}`,
    webCa: web.certificate,
    hostCa: host.certificate,
    ...users.issue({ commonName: 'alice', usage: 'client' }),
  }
}

/** Tells what it was asked. */
async function startService(cleanup: Cleanup): Promise<number> {
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    response.setHeader('Content-Type', 'application/json')
    response.end(`${JSON.stringify({ method, url, headers }, null, 2)}\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanup.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

async function startWrangler(
  backstage: Backstage,
  { port, token }: { readonly port: string; readonly token: string },
  cleanup: Cleanup,
): Promise<{ readonly url: Promise<string>; readonly exited: Promise<unknown> }> {
  const folder = await mkdtemp(join(tmpdir(), 'underpass-dev-'))
  cleanup.push(() => rm(folder, { recursive: true, force: true }))
  const environment = join(folder, 'vars')
  await writeFile(environment, dotenv(varsOf(backstage, port, token)), { mode: 0o600 })
  // The one way to tell workerd whom to trust beyond its own roots; what is trusted already stays so.
  const roots = join(folder, 'roots.pem')
  const already = process.env.NODE_EXTRA_CA_CERTS
  await writeFile(roots, (already ? await readFile(already, 'utf8') : '') + backstage.webCa)
  const wrangler = join('node_modules', 'wrangler', 'bin', 'wrangler.js')
  const options = ['--env', 'dev', '--ip', '127.0.0.1', '--port', port, '--env-file', environment]
  const quiet = [
    '--persist-to',
    join(folder, 'state'),
    '--inspector-port',
    '0',
    '--show-interactive-dev-session=false',
  ]
  const child = spawn(process.execPath, [wrangler, 'dev', ...options, ...quiet], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A group of its own: Ctrl-C comes to us, and we end it, once.
    detached: true,
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: roots,
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_HIDE_BANNER: 'true',
      WRANGLER_LOG_PATH: join(folder, 'logs'),
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
  })
  const exited = once(child, 'exit')
  cleanup.push(() => end(child, exited))
  return { exited, url: readyUrl(child, exited) }
}

async function end(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGINT')
  const killer = setTimeout(() => process.kill(-child.pid!, 'SIGKILL'), 5_000)
  await exited
  clearTimeout(killer)
}

/** Wrangler's own lines go to stderr, ours alone to stdout. */
function readyUrl(child: ChildProcess, exited: Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stdout!.on('data', (chunk) => {
      process.stderr.write(chunk)
      if (text.length > 100_000) return
      text += chunk
      const url = /Ready on (http:\/\/[\w.:]+)/.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
    exited.then(() => reject(new Error('wrangler dev ended before it was ready')))
  })
}

function varsOf(backstage: Backstage, port: string, token: string): Record<string, string> {
  const agent = {
    origin: backstage.origin,
    serverName: gatewayName,
    trust: 'DEMO_TRUST',
    certificate: 'DEMO_CERTIFICATE',
    privateKey: 'DEMO_KEY',
  }
  const database = { user: 'postgres', database: 'postgres' }
  return {
    ALLOWED_ORIGINS: `http://127.0.0.1:${port} http://localhost:${port}`,
    TARGETS: JSON.stringify({
      postgres: { ...agent, doors: ['tunnel', 'query'], alpn: 'teleport-postgres-ping', database },
      web: { ...agent, doors: ['tunnel', 'http'], alpn: 'http/1.1' },
    }),
    TOKENS: JSON.stringify({ developer: token }),
    TICKET_KEY: randomBytes(32).toString('base64url'),
    DEMO_TRUST: backstage.hostCa,
    DEMO_CERTIFICATE: backstage.certificate,
    DEMO_KEY: backstage.privateKey,
  }
}

/** Single quotes take JSON and line breaks as they are. */
function dotenv(vars: Readonly<Record<string, string>>): string {
  return Object.entries(vars)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join('')
}

/**
 * The console with its form filled in. What is secret in it is in the fragment, which browsers send to nobody, and which the
 * page takes out of the address as soon as it has read it; all of it ends with this process.
 */
function consoleUrl(url: string, token: string, { hostCa, certificate, privateKey }: Backstage): string {
  const prefill = {
    way: 'worker',
    target: 'postgres',
    token,
    serverName: gatewayName,
    alpn: 'teleport-postgres-ping',
    trust: hostCa,
    identity: `${certificate}\n${privateKey}`,
    user: 'postgres',
    database: 'postgres',
  }
  return `${url}/#dev=${Buffer.from(JSON.stringify(prefill)).toString('base64url')}`
}

function guide(url: string, token: string, console: string): string {
  return `
Worker     ${url}
Token      ${token}
Console    ${console}

Open the console's URL (it fills the form in), press Connect, and run SQL. The same from a shell:

  curl -H 'Authorization: Bearer ${token}' ${url}/agent/web/hello
  curl -H 'Authorization: Bearer ${token}' ${url}/agent/postgres/query -d '{"sql": "select version()"}'
  curl -H 'Authorization: Bearer ${token}' -H 'Origin: ${url}' -X POST ${url}/tunnel/postgres/ticket

Ctrl-C ends it.
`
}
