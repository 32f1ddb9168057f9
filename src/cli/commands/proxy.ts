// `underpass proxy`: local listeners whose connections are tunnels. Reads what was said, prints what to type, tells what
// happens, and drains on Ctrl-C. The work is the proxy room's.
import { failure } from '../../errors-node.js'
import type { IdentitySource } from '../../login/index.js'
import type { ListeningFacts, ProxyEvent } from '../../proxy/index.js'
import { untilAborted } from '../aborted.js'
import type { Call, Command } from '../command.js'
import { dialerOptions, dialOptions } from '../dial-options.js'
import { proxyJson, proxySchema } from '../proxy/json-events.js'

export const proxy: Command = {
  name: 'proxy',
  summary: 'local ports and sockets whose connections are tunnels',
  usage: 'underpass proxy [options] <origin>',
  details: `
Listens on this machine and carries every connection through a tunnel of its own. A listener is a TCP port,
a unix socket (mode 0600), or a SOCKS5 or HTTP CONNECT proxy whose clients may ask for what --allow names
and for nothing else. Each has its own protocol names, server name and certificate where it says so; what
it does not say are the options of the command.

  --listen [NAME=]tcp://HOST:PORT[?KEY=VALUE&…]    also unix:PATH, socks5://HOST:PORT, connect://HOST:PORT
  keys: preset, alpn, server-name, cert, key, identity, user, database, service, db-version, speaks

In a config file the same are [[listen]] tables with \`name\`, \`on\` and these keys, and [[allow]] tables
with \`host\`, \`port\`, \`alpn\` or \`preset\`, and \`server-name\`.

Ctrl-C stops accepting and waits for open connections (--drain); a second one does not wait.`,
  options: [
    {
      flag: 'listen',
      value: 'LISTENER',
      many: true,
      describe: 'where to listen, and for what; may be repeated',
    },
    {
      flag: 'allow',
      value: 'RULE',
      many: true,
      describe: "what SOCKS5 and CONNECT clients may ask for: 'orders.internal:5432=postgres'",
    },
    { flag: 'local-auth', secret: true, describe: '`user:password` asked of SOCKS5 and CONNECT clients' },
    { flag: 'expose', describe: 'let other machines reach the listeners: they act with your identity' },
    {
      flag: 'spare',
      value: 'N',
      describe: 'connections kept upgraded in advance, to hide round trips',
      fallback: '0',
    },
    { flag: 'retries', value: 'N', describe: 'further tries of a dial, with growing pauses', fallback: '2' },
    {
      flag: 'max-connections',
      value: 'N',
      describe: 'connections of one listener at a time',
      fallback: '1024',
    },
    {
      flag: 'drain',
      value: 'DURATION',
      describe: 'how long Ctrl-C waits for open connections',
      fallback: '10s',
    },
    {
      flag: 'expiry-warning',
      value: 'DURATION',
      describe: 'warn so long before a certificate ends',
      fallback: '10m',
    },
    ...dialOptions,
  ],
  examples: [
    {
      line: 'underpass proxy --tsh --listen "tcp://127.0.0.1:5432?preset=postgres&user=alice&database=orders" proxy.example.com',
      does: 'PostgreSQL on its usual port, with the login of tsh',
    },
    {
      line: 'underpass proxy --trust host-ca.pem --cert me.pem --key me.key --listen db=unix:/run/user/1000/.s.PGSQL.5432?preset=postgres --listen socks5://127.0.0.1:1080 --allow "*.apps.internal:80=http/1.1@{host}" proxy.example.com',
      does: 'a unix socket for psql, and SOCKS5 for web applications',
    },
    {
      line: 'underpass proxy --config underpass.toml --json',
      does: 'everything from a file, events as JSON lines',
    },
  ],
  schema: proxySchema,
  tables: ['listen', 'allow'],
  run,
}

async function run({ operands, settings, output, json, signal, env }: Call): Promise<number> {
  const [{ createDialer }, { createProxy }, { listenSpecs }, { allowRules }, { prepareListeners }] =
    await Promise.all([
      import('../../platform/node/index.js'),
      import('../../proxy/index.js'),
      import('../proxy/listen-spec.js'),
      import('../proxy/allow-rules.js'),
      import('../proxy/listeners.js'),
    ])
  const [{ connectionString, placeText }, { liveStatus, remaining }, { watchIdentities }] = await Promise.all(
    [
      import('../proxy/connection-strings.js'),
      import('../proxy/live-status.js'),
      import('../proxy/identity-watch.js'),
    ],
  )
  const specs = listenSpecs(settings)
  if (specs.length === 0)
    throw failure('ERR_CONFIG_INVALID', 'nothing says where to listen', {
      hint: "Pass --listen 'tcp://127.0.0.1:5432?preset=postgres', or [[listen]] tables in a config file.",
    })
  const dial = await dialerOptions(settings, operands[0])
  const rules = allowRules(settings, new URL(dial.origin).hostname)
  const credentials = credentialsOf(await settings.secret('local-auth'))
  const prepared = await prepareListeners(specs, { settings, dial, rules, credentials })
  const spare = settings.number('spare') ?? 0
  const dialer = createDialer({
    ...dial,
    retry: { retries: settings.number('retries') ?? 2 },
    ...(spare > 0 && { spares: { count: spare } }),
  })

  let listening: readonly ListeningFacts[] = []
  const sources = new Map(prepared.map(({ options, source }) => [options.name, source]))
  const terminal =
    !json && process.stderr.isTTY && env.TERM !== 'dumb' && !settings.on('quiet') ? process.stderr : undefined
  const status = liveStatus({
    output,
    terminal,
    lines: () => listening.map((at) => ({ at, expires: () => sources.get(at.listener)?.expires })),
    connections: () => proxy.connections(),
    now: Date.now,
  })
  const tell = (event: ProxyEvent) => {
    if (json) output.json(proxyJson(event))
    else if (event.type !== 'listening' && event.type !== 'closing') status.event(event)
  }
  const limit = settings.number('max-connections')
  const proxy = await createProxy({
    dialer,
    listeners: prepared.map(({ options }) => options),
    exposed: settings.on('expose'),
    ...(limit !== undefined && { limits: { connections: limit } }),
    onEvent: (event) => {
      // Ready is told below, with the command to type.
      if (event.type !== 'listening') tell(event)
    },
  }).catch(async (error: unknown) => {
    await dialer.close()
    throw error
  })
  listening = proxy.listening
  for (const [at, one] of listening.entries()) {
    const command = connectionString(prepared[at]!.facts, one)
    if (json)
      output.json({
        schema: 'underpass/proxy/1',
        event: 'listening',
        ...one,
        ...(command && { connect: command }),
      })
    else {
      output.say(`${output.style.bold(one.listener)} listens on ${placeText(one)}`)
      if (command !== undefined) output.data(command)
    }
  }
  const identities = [...sources.values()].filter((source) => source !== undefined)
  for (const line of new Set(identities.flatMap((source) => source.warnings())))
    output.say(`warning: ${line}`)
  using _watch = watchIdentities(
    identities,
    { before: settings.duration('expiry-warning') ?? 600_000, now: Date.now },
    (news, source) => {
      const { state } = news
      const listeners = namesOf(sources, source)
      const expires = 'expires' in news ? news.expires : undefined
      const error = 'error' in news ? news.error : undefined
      if (json)
        output.json({
          schema: 'underpass/proxy/1',
          event: 'identity',
          state,
          listeners,
          ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
          ...(error && { code: error.code, message: error.message }),
        })
      const until = expires === undefined ? '' : ` (${remaining(expires - Date.now())})`
      const what = error === undefined ? `${state}${until}` : `${state}: ${error.code} ${error.message}`
      status.say(`certificate of ${listeners.join(', ')} ${what}`)
    },
  )
  await untilAborted(signal)
  status.stop()
  const open = proxy.connections().length
  if (open > 0) output.say(`draining ${open} connection${open === 1 ? '' : 's'}`)
  await proxy.close({ drain: settings.duration('drain') ?? 10_000 })
  await dialer.close()
  return 0
}

function namesOf(sources: ReadonlyMap<string, IdentitySource | undefined>, source: IdentitySource): string[] {
  return [...sources].filter(([, one]) => one === source).map(([name]) => name)
}

function credentialsOf(text: string | undefined): { user: string; password: string } | undefined {
  if (text === undefined) return undefined
  const colon = text.indexOf(':')
  if (colon < 1) throw failure('ERR_CONFIG_INVALID', '--local-auth-file must hold `user:password`')
  const credentials = { user: text.slice(0, colon), password: text.slice(colon + 1) }
  // RFC 1929 §2: a length is one byte.
  for (const one of Object.values(credentials))
    if (Buffer.byteLength(one) > 255 || one === '')
      throw failure('ERR_CONFIG_INVALID', '--local-auth-file: user and password are 1 to 255 bytes')
  return credentials
}
