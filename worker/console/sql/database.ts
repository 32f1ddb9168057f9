// The PostgreSQL client (npm `pg`) over a tunnel: log in, run, cancel. Values stay as PostgreSQL writes them; rows beyond a
// cap are counted, not kept. Loaded when a database is reached for the first time.
import Client from 'pg/lib/client'
import Query from 'pg/lib/query'
import { caps, QueryFailed } from './query-failed.js'
import { type Bytes, TunnelStream } from './stream.js'

export interface Column {
  readonly name: string
  /** OID of its type. */
  readonly type: number
}

export interface ResultSet {
  readonly columns: readonly Column[]
  readonly rows: ReadonlyArray<ReadonlyArray<string | null>>
  /** Rows that came; above `rows.length` when the cap was met. */
  readonly count: number
  /** `SELECT 3`, `INSERT 0 1`. */
  readonly command: string
}

export interface DatabaseProblem {
  readonly message: string
  readonly sqlstate: string
  readonly severity: string
  readonly detail?: string
  readonly hint?: string
  /** In characters from 1, as PostgreSQL counts. */
  readonly position?: number
}

export interface Database {
  readonly version: string
  readonly notices: readonly string[]
  /** Every result of the text's statements. Rejects with `QueryFailed`, and with what ended the tunnel. */
  run(sql: string): Promise<readonly ResultSet[]>
  /** What a CancelRequest for this session says, over a connection of its own. */
  cancelRequest(): Uint8Array<ArrayBuffer>
  end(): Promise<void>
}

interface Credentials {
  readonly user: string
  readonly database: string
  readonly password: string
}

const asText = { getTypeParser: () => (value: string) => value }

/** Logs in. Rejects with `QueryFailed` when the database refuses. `lost` hears of the end of an idle session. */
export async function logIn(
  bytes: Bytes,
  as: Credentials,
  lost: (error: unknown) => void,
): Promise<Database> {
  const client = new Client({
    user: as.user,
    database: as.database,
    // Without one, a server that asks gets an answer that it refuses by name.
    password: as.password,
    ssl: false,
    application_name: 'underpass-console',
    types: asText,
    stream: () => new TunnelStream(bytes),
  })
  const notices: string[] = []
  let version = ''
  client.on('error', (error) => lost(failureOf(error, [])))
  client.on('notice', ({ message }) => {
    if (notices.length < 100) notices.push(message ?? '')
  })
  client.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName === 'server_version') version = parameterValue ?? ''
  })
  try {
    await client.connect()
  } catch (error) {
    throw failureOf(error, [])
  }
  return {
    notices,
    get version() {
      return version
    },
    run: (sql) => run(client, sql),
    cancelRequest: () => cancelRequest(client.processID, client.secretKey),
    end: () => client.end(),
  }
}

interface Collected {
  columns: Column[]
  rows: Array<Array<string | null>>
  count: number
  command: string
}

function run(client: Client, sql: string): Promise<readonly ResultSet[]> {
  const sets = new Map<object, Collected>()
  let characters = 0
  const query = new Query({ text: sql, rowMode: 'array', types: asText })
  const setOf = (result: {
    readonly fields?: ReadonlyArray<{ readonly name: string; readonly dataTypeID: number }>
  }): Collected => {
    const known = sets.get(result)
    if (known !== undefined) return known
    const made = {
      columns: (result.fields ?? []).map(({ name, dataTypeID }) => ({ name, type: dataTypeID })),
      rows: [],
      count: 0,
      command: '',
    }
    sets.set(result, made)
    return made
  }
  query.on('row', (row, result) => {
    const set = setOf(result)
    set.count++
    if (set.rows.length >= caps.rows || characters >= caps.characters) return
    for (const value of row) characters += value?.length ?? 4
    set.rows.push(row)
  })
  return new Promise((resolve, reject) => {
    query.on('end', (results) => {
      const all = Array.isArray(results) ? results : [results]
      resolve(
        all
          .filter(({ command }) => command !== null)
          .map((result) => ({ ...setOf(result), command: tagOf(result) })),
      )
    })
    query.on('error', (error) => reject(failureOf(error, [...sets.values()])))
    client.query(query)
  })
}

function tagOf({
  command,
  rowCount,
}: {
  readonly command: string | null
  readonly rowCount: number | null
}): string {
  return rowCount === null ? (command ?? '') : `${command} ${rowCount}`
}

/** A refusal of the database's; anything else (the tunnel's end) stays what it is. */
function failureOf(thrown: unknown, results: readonly ResultSet[]): unknown {
  const given = thrown as {
    code?: string
    severity?: string
    message: string
    detail?: string
    hint?: string
    position?: string
  }
  if (!(thrown instanceof Error) || given.severity === undefined) return thrown
  return new QueryFailed(
    {
      message: given.message,
      sqlstate: given.code ?? '',
      severity: given.severity,
      ...(given.detail !== undefined && { detail: given.detail }),
      ...(given.hint !== undefined && { hint: given.hint }),
      ...(given.position !== undefined && { position: Number(given.position) }),
    },
    results,
  )
}

/** PostgreSQL's message formats, CancelRequest: length 16, the code 80877102, process and key of the session. */
export function cancelRequest(processId: number, secretKey: number): Uint8Array<ArrayBuffer> {
  const message = new DataView(new ArrayBuffer(16))
  message.setInt32(0, 16)
  message.setInt32(4, 80_877_102)
  message.setInt32(8, processId)
  message.setInt32(12, secretKey)
  return new Uint8Array(message.buffer)
}
