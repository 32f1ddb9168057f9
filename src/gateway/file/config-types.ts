// What a configuration file holds once it fits the schema. Types only; the schema is the truth, and a test holds the two
// together through the options that come out.
import type { Connector, ForwardedPolicy, GatewayLimits, GatewayTimeouts } from '../options.js'

type Duration = string | number

export type FileMatch = string | { readonly pattern: string }

export interface FileIdentity {
  readonly certificate: string
  readonly privateKey: string
  readonly passphraseFile?: string
}

export interface FileRoute {
  readonly name: string
  readonly alpn: string | readonly string[]
  readonly ping?: boolean
  readonly serverName?: string | readonly string[]
  readonly tls?: 'end' | 'forward'
  readonly connect: Connector
  readonly client:
    | 'anyone-without-a-certificate'
    | 'left-to-the-service'
    | {
        readonly trust: string | readonly string[]
        readonly allow?: ReadonlyArray<Readonly<Record<string, FileMatch>>>
        readonly pins?: readonly string[]
      }
}

interface FileListen {
  readonly host?: string
  readonly port: number
}

export interface FileConfig {
  readonly listen: {
    readonly upgrade?: FileListen & {
      readonly path?: string
      readonly forwardedFor?: boolean | ForwardedPolicy
      readonly console?: boolean | string
    }
    readonly direct?: FileListen
    readonly admin?: FileListen
  }
  readonly identity: FileIdentity
  readonly identities?: ReadonlyArray<FileIdentity & { readonly serverName: string | readonly string[] }>
  readonly routes: readonly FileRoute[]
  readonly pingInterval?: Duration
  readonly timeouts?: Readonly<Partial<Record<keyof GatewayTimeouts, Duration>>>
  readonly limits?: Partial<GatewayLimits>
  readonly log?: { readonly level?: 'silent' | 'error' | 'warn' | 'info' | 'debug'; readonly file?: string }
  readonly audit?: { readonly file: string; readonly whenFull?: 'continue' | 'refuse' }
  readonly shutdown?: { readonly delay?: Duration; readonly deadline?: Duration }
  readonly reload?: { readonly watch?: boolean; readonly interval?: Duration }
}
