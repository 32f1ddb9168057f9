// `underpass http`: a local web server for a web application behind the tunnel. Reads what was said, prints the address, tells
// what happens, and drains on Ctrl-C. The work is the proxy room's.
import { exitStatusOf, failure } from '../../errors-node.js'
import type { HttpProxyEvent } from '../../proxy/index.js'
import { untilAborted } from '../aborted.js'
import type { Call, Command } from '../command.js'
import { identityOf } from '../dial-identity.js'
import { dialerOptions, dialOptions } from '../dial-options.js'
import { count, flag, milliseconds, oneOf, record, report, text } from '../schemas.js'
import { tenths } from '../tenths.js'

export const http: Command = {
  name: 'http',
  summary: 'a local web server for a web application behind the tunnel',
  usage: 'underpass http [options] <origin>',
  details: `
Serves http://127.0.0.1:8080 and asks the application behind the tunnel, with your certificate, over kept
connections: HTTP/1.1, or HTTP/2 with --preset h2 (or --alpn h2). Answers stream, WebSockets pass (HTTP/1.1).

Only requests whose Host is this machine's (or one of --allow-host) are served, and only to pages from there:
whatever site a browser shows could otherwise act with your identity.`,
  options: [
    {
      flag: 'listen',
      value: 'PLACE',
      describe: 'tcp://HOST:PORT or unix:PATH',
      fallback: 'tcp://127.0.0.1:8080',
    },
    {
      flag: 'allow-host',
      value: 'NAME',
      many: true,
      describe: 'another Host that clients may use; may be repeated',
    },
    {
      flag: 'upstream-host',
      value: 'HOST',
      describe: 'Host of the requests to the application',
      fallback: 'the server name',
    },
    {
      flag: 'pool',
      value: 'N',
      describe: 'connections to the application; further requests wait',
      fallback: '32',
    },
    {
      flag: 'answer-timeout',
      value: 'DURATION',
      describe: 'until an answer begins; 0 for never',
      fallback: '2m',
    },
    { flag: 'expose', describe: 'let other machines reach it: they act with your identity' },
    {
      flag: 'spare',
      value: 'N',
      describe: 'connections kept upgraded in advance, to hide round trips',
      fallback: '0',
    },
    { flag: 'retries', value: 'N', describe: 'further tries of a dial, with growing pauses', fallback: '2' },
    {
      flag: 'drain',
      value: 'DURATION',
      describe: 'how long Ctrl-C waits for requests under way',
      fallback: '10s',
    },
    {
      flag: 'expiry-warning',
      value: 'DURATION',
      describe: 'warn so long before the certificate ends',
      fallback: '10m',
    },
    ...dialOptions,
  ],
  examples: [
    {
      line: 'underpass http --trust host-ca.pem --cert me.pem --key me.key proxy.example.com',
      does: 'the application on http://127.0.0.1:8080',
    },
    {
      line: 'underpass http --tsh --preset h2 --upstream-host grafana.example.com --listen tcp://127.0.0.1:3000 proxy.example.com',
      does: 'HTTP/2 to the application, under the name it knows itself by',
    },
  ],
  schema: report(
    'http',
    1,
    { event: oneOf('listening', 'request', 'refused', 'broken', 'upgraded', 'identity', 'closing') },
    {
      host: text,
      port: count,
      path: text,
      url: text,
      method: text,
      status: count,
      duration: milliseconds,
      reused: flag,
      protocol: text,
      requests: count,
      state: oneOf('renewed', 'unusable', 'expiring', 'expired'),
      expires: text,
      error: record({ code: text, message: text, hint: text, exitStatus: count }),
    },
  ),
  run,
}

async function run({ operands, settings, output, json, signal }: Call): Promise<number> {
  const [{ createDialer }, { createHttpProxy }, { listenSpecs }, { watchIdentities }, { remaining }] =
    await Promise.all([
      import('../../platform/node/index.js'),
      import('../../proxy/index.js'),
      import('../proxy/listen-spec.js'),
      import('../proxy/identity-watch.js'),
      import('../proxy/live-status.js'),
    ])
  const place = listenPlace(settings, listenSpecs)
  const dial = await dialerOptions(settings, operands[0])
  const { source } = await identityOf(settings)
  const spare = settings.number('spare') ?? 0
  const limit = settings.number('pool')
  const answer = settings.duration('answer-timeout')
  const host = settings.text('upstream-host') ?? dial.serverName ?? new URL(dial.origin).hostname
  const dialer = createDialer({
    ...dial,
    retry: { retries: settings.number('retries') ?? 2 },
    ...(spare > 0 && { spares: { count: spare } }),
  })
  const tell = (event: HttpProxyEvent) => {
    if (json) output.json(eventJson(event))
    else output.say(eventText(event))
  }
  const proxy = await createHttpProxy({
    dialer,
    listen: place,
    target: { alpn: dial.alpn ?? ['http/1.1'] },
    host,
    allowHosts: settings.list('allow-host'),
    exposed: settings.on('expose'),
    ...(limit !== undefined && { limits: { connections: limit } }),
    ...(answer !== undefined && { timeouts: { answer } }),
    onEvent: tell,
  }).catch(async (error: unknown) => {
    await dialer.close()
    throw error
  })
  const { host: address = '', port, path } = proxy.listening
  const url =
    path === undefined
      ? `http://${address.includes(':') ? `[${address}]` : address}:${port}/`
      : `unix:${path}`
  if (json) output.json({ schema: 'underpass/http/1', event: 'listening', ...proxy.listening, url })
  else {
    output.say(`${host} is served at`)
    output.data(url)
  }
  using _watch = watchIdentities(
    source === undefined ? [] : [source],
    { before: settings.duration('expiry-warning') ?? 600_000, now: Date.now },
    (news) => {
      if (news.state === 'renewed' || news.state === 'expired') proxy.renew()
      const expires = 'expires' in news ? news.expires : undefined
      if (json)
        output.json({
          schema: 'underpass/http/1',
          event: 'identity',
          state: news.state,
          ...(expires !== undefined && { expires: new Date(expires).toISOString() }),
          ...('error' in news && { error: errorFacts(news.error) }),
        })
      else
        output.say(
          `certificate ${news.state}${expires === undefined ? '' : ` (${remaining(expires - Date.now())})`}`,
        )
    },
  )
  await untilAborted(signal)
  await proxy.close({ drain: settings.duration('drain') ?? 10_000 })
  await dialer.close()
  return 0
}

function listenPlace(
  settings: Call['settings'],
  parse: typeof import('../proxy/listen-spec.js').listenSpecs,
): ReturnType<typeof parse>[number]['place'] {
  const [spec] = parse(settings)
  if (spec === undefined) return { host: '127.0.0.1', port: 8080 }
  if (spec.scheme === 'tcp' || spec.scheme === 'unix') return spec.place
  throw failure('ERR_CONFIG_INVALID', '--listen of underpass http is tcp:// or unix:', {
    hint: 'SOCKS5 and CONNECT are listeners of `underpass proxy`.',
  })
}

function eventJson(event: HttpProxyEvent): object {
  const { type, ...facts } = event
  return {
    schema: 'underpass/http/1',
    event: type,
    ...facts,
    ...('duration' in event && { duration: tenths(event.duration) }),
    ...('error' in event && { error: errorFacts(event.error) }),
  }
}

function errorFacts({ code, message, hint }: Extract<HttpProxyEvent, { error: unknown }>['error']): object {
  return { code, message, hint, exitStatus: exitStatusOf(code) }
}

function eventText(event: HttpProxyEvent): string {
  switch (event.type) {
    case 'request':
      return `${event.method} ${event.status} ${tenths(event.duration)} ms${event.reused ? '' : ', new connection'}`
    case 'refused':
    case 'broken':
      return `${event.method} ${event.type}: ${event.error.code} ${event.error.message}`
    case 'upgraded':
      return `upgraded to ${event.protocol}`
    case 'closing':
      return `closing, ${event.requests} requests under way`
  }
}
