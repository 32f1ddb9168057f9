// The two files of npm `pg` that the console takes, as far as it uses them: its types describe the package's front door,
// which brings a pool and a native client along.
declare module 'pg/lib/client' {
  import type Query from 'pg/lib/query'

  interface Notice {
    readonly message?: string
    readonly parameterName?: string
    readonly parameterValue?: string
  }

  export default class Client {
    constructor(options: object)
    readonly processID: number
    readonly secretKey: number
    readonly connection: { on(event: 'parameterStatus', listener: (message: Notice) => void): void }
    connect(): Promise<void>
    end(): Promise<void>
    query(query: Query): void
    on(event: 'error', listener: (error: unknown) => void): this
    on(event: 'notice', listener: (notice: Notice) => void): this
  }
}

declare module 'pg/lib/query' {
  interface Result {
    readonly command: string | null
    readonly rowCount: number | null
    readonly fields: ReadonlyArray<{ readonly name: string; readonly dataTypeID: number }>
  }

  export default class Query {
    constructor(options: object)
    on(event: 'row', listener: (row: Array<string | null>, result: Result) => void): this
    on(event: 'end', listener: (results: Result | readonly Result[]) => void): this
    on(event: 'error', listener: (error: unknown) => void): this
  }
}
