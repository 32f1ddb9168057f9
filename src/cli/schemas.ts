// Pieces of the JSON Schemas of `--json`. Every object names its schema and version: a change that could break a reader
// makes a new version.

export type Schema = Readonly<Record<string, unknown>>

export const text: Schema = { type: 'string' }
export const flag: Schema = { type: 'boolean' }
export const count: Schema = { type: 'integer', minimum: 0 }
export const milliseconds: Schema = { type: 'number', minimum: 0 }
export const texts: Schema = { type: 'array', items: text }
/** By phase. */
export const timings: Schema = { type: 'object', additionalProperties: milliseconds }

export function oneOf(...values: ReadonlyArray<string | number | boolean>): Schema {
  return { enum: values }
}

export function listOf(items: Schema): Schema {
  return { type: 'array', items }
}

/** An object with these properties and no others; those of `required` are always there. */
export function record(
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  }
}

/** What `underpass <name> --json` prints: `underpass/<name>/<version>`. */
export function report(
  name: string,
  version: number,
  required: Readonly<Record<string, Schema>>,
  optional: Readonly<Record<string, Schema>> = {},
): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `underpass ${name} --json`,
    ...record({ schema: { const: `underpass/${name}/${version}` }, ...required }, optional),
  }
}

/** What an error prints with --json, in every command. */
export const errorSchema: Schema = report(
  'error',
  1,
  {
    ok: { const: false },
    code: { type: 'string', pattern: '^ERR_[A-Z0-9_]+$' },
    message: text,
    phase: text,
    blame: oneOf('peer', 'network', 'config', 'caller', 'us'),
    retryable: flag,
    hint: text,
    evidence: texts,
    exitStatus: { type: 'integer', minimum: 1, maximum: 255 },
  },
  { causes: listOf(record({ code: text, message: text })) },
)

/** The schema of a command's output, success or error: `schema` in the object tells them apart. */
export function orError(output: object): Schema {
  const { $schema, title, ...success } = output as Schema
  const { $schema: _, title: __, ...error } = errorSchema
  return { $schema, title, anyOf: [success, error] }
}

/** One TLS connection. */
export const tlsSchema: Schema = record(
  {
    version: oneOf('TLSv1.3', 'TLSv1.2'),
    suite: text,
    group: text,
    clientCertificate: flag,
  },
  { alpn: text, serverName: text },
)

export const demoSchema: Schema = report(
  'demo',
  1,
  {
    ok: { const: true },
    verdict: oneOf('direct', 'upgrade'),
    evidence: texts,
    framing: oneOf('none', 'raw', 'ping', 'websocket'),
    tls: tlsSchema,
    rows: count,
    bytes: count,
    timings,
  },
  { listen: count },
)
