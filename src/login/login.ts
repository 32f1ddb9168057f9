// What an existing login gives: who we are, where to, whom to trust. The files beside this one read each kind.
import type { TunnelError } from '../errors-node.js'
import type { Identity } from '../pki/index.js'
import type { Route, WantedRoute } from './route.js'

/** What an existing login says. */
export interface Login {
  /** Reloads when its files change. */
  readonly identity: IdentitySource
  /** `https://host:port` of the proxy, where the login knows it. */
  readonly origin?: string
  /** PEM of the authorities that sign the inner server, as they were when the login was read. */
  readonly trust?: string
  /** The cluster that was chosen at login. */
  readonly cluster?: string
  readonly user?: string
  /** When the certificate ends, milliseconds since 1970. */
  readonly expires?: number
  /** What the certificate leads to: a database, an application, a Kubernetes cluster. */
  readonly route?: Route
  /** Whether the login found out that a load balancer needs the connection upgrade; absent where it did not say. */
  readonly upgradeRequired?: boolean
}

/** An identity that lives in files. */
export interface IdentitySource {
  /**
   * The identity as the files have it now; a renewed one is picked up without a restart. Half-written files leave the one
   * before in place. Throws ERR_CONFIG_IDENTITY_EXPIRED and ERR_CONFIG_IDENTITY_ROUTE on every call that they hold for.
   */
  current(wanted?: WantedRoute): Promise<Identity>
  /** When the certificate ends, milliseconds since 1970. */
  readonly expires: number | undefined
  /** What the certificate leads to, as it was last read. */
  readonly route: Route
  /** What is unwise but works: a private key that others may read, a certificate that ends soon. A sentence each. */
  warnings(): readonly string[]
  /**
   * Told after every change of the files: without an error when there is a new identity, with one when the files cannot be
   * used (the old identity stays). Does not keep the process alive.
   */
  watch(onChange: (error?: TunnelError) => void): Disposable
}

/** What every way to an identity may be told; for tests and unusual file systems. */
export interface SourceOptions {
  /** Milliseconds between looks at the files while watched, beside the system's own notices. Default 5 000. */
  readonly poll?: number
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number
}

/** What a login without a profile says: all of it is in the certificate. */
export function loginOf(identity: IdentitySource, trust: string | undefined): Login {
  const { route, expires } = identity
  const cluster = route.cluster ?? route.issuedBy
  return {
    identity,
    ...(trust && { trust }),
    ...(cluster !== undefined && { cluster }),
    ...(route.user !== undefined && { user: route.user }),
    ...(expires !== undefined && { expires }),
    route,
  }
}
