// The shape of a gateway's configuration file, as a JSON Schema (draft 7): `docs/schemas/gateway.json` is this object,
// editors complete from it, and `check.ts` checks by it, so that the two cannot say different things. What a schema
// cannot say (files that exist, keys that fit, routes that do not overlap) `config.ts` checks afterwards.

/** The keywords that are used here, and that `check.ts` knows. */
export interface Schema {
  readonly $schema?: string
  readonly $id?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: false
  readonly items?: Schema
  readonly minItems?: number
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly minProperties?: number
  /** Alternatives of different types. */
  readonly anyOf?: readonly Schema[]
  /** Exactly one of these sets of keys. */
  readonly oneOf?: ReadonlyArray<{ readonly required: readonly string[] }>
}

const text = (description: string): Schema => ({ type: 'string', minLength: 1, description })
const path = (description: string): Schema => text(`${description} A path, relative to this file.`)
const flag = (description: string, fallback: boolean): Schema => ({
  type: 'boolean',
  description,
  default: fallback,
})
const count = (description: string, fallback: number): Schema => ({
  type: 'integer',
  minimum: 1,
  maximum: 2 ** 31 - 1,
  description,
  default: fallback,
})
const oneOrMany = (items: Schema, description: string): Schema => ({
  anyOf: [items, { type: 'array', items, minItems: 1 }],
  description,
})
const duration = (description: string, fallback: string): Schema => ({
  anyOf: [
    { type: 'string', pattern: '^[0-9]{1,9}(ms|s|m|h)$' },
    { type: 'integer', minimum: 0, maximum: 2 ** 31 - 1 },
  ],
  description: `${description} As "30s", "500ms", "2m", "1h", or milliseconds.`,
  default: fallback,
})
function table(properties: Readonly<Record<string, Schema>>, rest: Schema = {}): Schema {
  return { type: 'object', properties, additionalProperties: false, ...rest }
}

const host = (fallback: string): Schema => ({ ...text('Address to listen on.'), default: fallback })
const port = (least: number): Schema => ({
  type: 'integer',
  minimum: least,
  maximum: 65_535,
  description: 'TCP port.',
})

const match: Schema = {
  anyOf: [
    { type: 'string', minLength: 1 },
    table(
      { pattern: text('A regular expression; it must match the whole value.') },
      { required: ['pattern'] },
    ),
  ],
  description: 'Exact text, or { pattern = "…" }.',
}

const identity = {
  certificate: path('PEM: the leaf, then its intermediates.'),
  privateKey: path('PEM.'),
  passphraseFile: path('Holds the passphrase of the private key.'),
}

const rule: Schema = table(
  {
    ...Object.fromEntries(
      ['commonName', 'organization', 'organizationalUnit', 'dns', 'uri', 'email', 'ip'].map((name) => [
        name,
        match,
      ]),
    ),
    spki: text('SHA-256 of the SubjectPublicKeyInfo, base64 or hexadecimal.'),
  },
  { minProperties: 1, description: 'Every field given must hold.' },
)

const connect: Schema = table(
  {
    host: { ...text('Host of the service.'), default: '127.0.0.1' },
    port: port(1),
    path: text('Path of a Unix socket, instead of a port.'),
    proxyProtocol: { type: 'string', enum: ['v2'], description: 'Begin with a PROXY protocol header.' },
    http: {
      anyOf: [
        { type: 'boolean' },
        table({
          identityHeaders: {
            type: 'array',
            items: {
              type: 'string',
              enum: ['x-forwarded-for', 'forwarded', 'x-forwarded-client-cert', 'client-cert'],
            },
            description: 'Written anew on every request. Default: all but client-cert.',
          },
          host: text('Host header for the service.'),
        }),
      ],
      description: 'The service is HTTP/1.1: requests are read, and say who asks.',
      default: false,
    },
  },
  { oneOf: [{ required: ['port'] }, { required: ['path'] }] },
)

const client: Schema = {
  anyOf: [
    { type: 'string', enum: ['anyone-without-a-certificate', 'left-to-the-service'] },
    table(
      {
        trust: oneOrMany(
          path('PEM of authorities.'),
          'Who signs the clients of this route; nobody else counts.',
        ),
        allow: { type: 'array', items: rule, minItems: 1, description: 'One of these must hold.' },
        pins: { type: 'array', items: text('SHA-256 of a SubjectPublicKeyInfo.'), minItems: 1 },
      },
      { required: ['trust'] },
    ),
  ],
  description: 'Who may pass. There is no default.',
}

const route: Schema = table(
  {
    name: text('For logs, metrics and the audit; unique.'),
    alpn: oneOrMany(text('ALPN name, exact or with a final *.'), 'Application protocols this route answers.'),
    ping: flag('Also answer <name>-ping, with ping framing inside TLS.', false),
    serverName: oneOrMany(
      text('Exact, *.suffix or prefix.*'),
      'Server names this route answers. Default: any.',
    ),
    tls: {
      type: 'string',
      enum: ['end', 'forward'],
      default: 'end',
      description: 'End TLS here, or forward every byte of it to the service.',
    },
    connect,
    client,
  },
  { required: ['name', 'alpn', 'connect', 'client'] },
)

export const gatewaySchema: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://underpass.invalid/schemas/gateway.json',
  title: 'underpass gateway',
  ...table(
    {
      $schema: text('For editors.'),
      listen: table(
        {
          upgrade: table(
            {
              host: host('127.0.0.1'),
              port: port(0),
              path: { type: 'string', pattern: '^/[^\\s?#]*$', default: '/webapi/connectionupgrade' },
              forwardedFor: {
                anyOf: [
                  { type: 'boolean' },
                  table(
                    {
                      header: {
                        type: 'string',
                        enum: ['x-forwarded-for', 'forwarded'],
                        default: 'x-forwarded-for',
                      },
                      hops: {
                        type: 'integer',
                        minimum: 1,
                        maximum: 32,
                        description: 'Proxies of ours in front.',
                      },
                      trusted: {
                        type: 'array',
                        items: text('Address or CIDR block of a proxy of ours.'),
                        minItems: 1,
                      },
                    },
                    { oneOf: [{ required: ['hops'] }, { required: ['trusted'] }] },
                  ),
                ],
                description: 'Where a client’s address is read from; true is one hop of X-Forwarded-For.',
                default: false,
              },
              console: {
                anyOf: [{ type: 'boolean' }, { type: 'string', minLength: 1 }],
                description: 'Serve the console’s page: true, or the folder it was built into.',
                default: false,
              },
            },
            { required: ['port'], description: 'Behind the load balancer: HTTP/1.1 upgrades.' },
          ),
          direct: table(
            { host: host('127.0.0.1'), port: port(0) },
            { required: ['port'], description: 'Without a load balancer: TLS at once.' },
          ),
          admin: table(
            { host: host('127.0.0.1'), port: port(0) },
            { required: ['port'], description: '/healthz, /readyz and /metrics, in clear.' },
          ),
        },
        { minProperties: 1 },
      ),
      identity: table(identity, { required: ['certificate', 'privateKey'] }),
      identities: {
        type: 'array',
        items: table(
          {
            serverName: oneOrMany(text('Exact, *.suffix or prefix.*'), 'Server names it is shown for.'),
            ...identity,
          },
          { required: ['serverName', 'certificate', 'privateKey'] },
        ),
      },
      routes: { type: 'array', items: route, minItems: 1 },
      pingInterval: duration('Between pings, on each framing that has them.', '30s'),
      timeouts: table({
        request: duration('To a whole request head.', '10s'),
        handshake: duration('From the upgrade to a finished inner handshake.', '15s'),
        connect: duration('To open the connection to the service.', '5s'),
        idle: duration('Without application data either way; 0 is no bound.', '0s'),
        halfClosed: duration('The same once one side has finished; 0 is no bound.', '60s'),
        linger: duration('For the peer to close its side.', '3s'),
        keepAlive: duration('For the load balancer’s next request on a kept connection.', '75s'),
      }),
      limits: table({
        connections: count('Sockets on both doors together.', 10_000),
        connectionsPerAddress: count('Tunnels of one client address (IPv6: of its /64).', 10_000),
        halfOpen: count('Tunnels before the end of their handshake; one more drops the oldest.', 1_000),
        requestHead: count('Bytes of a request head.', 16_384),
        clientHello: count('Bytes until the ClientHello is whole.', 16_384),
        buffer: count('Bytes waiting in each stream of a tunnel.', 65_536),
        frame: count('Bytes in a WebSocket message.', 1_048_576),
        fragments: count('Fragments in a WebSocket message.', 1_024),
        pings: count('Pings of a client within one pingInterval.', 100),
        packet: count('Bytes that a ping-framed packet may claim.', 268_435_456),
      }),
      log: table({
        level: { type: 'string', enum: ['silent', 'error', 'warn', 'info', 'debug'], default: 'info' },
        file: path('Where JSON lines go instead of standard error.'),
      }),
      audit: table(
        {
          file: path('One JSON line for each connection that ended or was refused.'),
          whenFull: {
            type: 'string',
            enum: ['continue', 'refuse'],
            default: 'continue',
            description: 'While lines cannot be written: go on and count them, or take no new tunnels.',
          },
        },
        { required: ['file'] },
      ),
      shutdown: table({
        delay: duration('From SIGTERM: still accepting, while /readyz says 503.', '0s'),
        deadline: duration('After that, for open tunnels to finish; the rest is closed with 1001.', '30s'),
      }),
      reload: table({
        watch: flag('Also reload when this file or one it names changes.', true),
        interval: duration('How often to look.', '5s'),
      }),
    },
    { required: ['listen', 'identity', 'routes'] },
  ),
}
