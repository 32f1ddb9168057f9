// Where a Teleport certificate leads: its subject carries, in attributes of a private arc, the database, application or
// Kubernetes cluster that the proxy routes its connections to. A certificate for one must not be used for another.
import { failure } from '../errors-node.js'
import { attribute, type Certificate, printable } from '../pki/index.js'

export interface Route {
  /** Common name: the user. */
  readonly user?: string
  /** The cluster that issued the certificate. */
  readonly issuedBy?: string
  /** The cluster that connections go to. */
  readonly cluster?: string
  readonly database?: {
    readonly service: string
    readonly protocol?: string
    /** The database's own user and database, when the login fixed them. */
    readonly user?: string
    readonly name?: string
  }
  readonly app?: { readonly name: string; readonly address?: string; readonly cluster?: string }
  readonly kube?: string
}

/** What a connection is for. Names as Teleport knows the resources. */
export interface WantedRoute {
  readonly database?: string
  readonly databaseUser?: string
  readonly databaseName?: string
  readonly app?: string
  readonly kube?: string
}

/** What the subject says. Attributes that are not there, or not text, are absent. */
export function certificateRoute({ subject }: Certificate): Route {
  const at = (type: string): string | undefined => attribute(subject, type) || undefined
  const service = at(oids.databaseService)
  const app = at(oids.appName)
  return defined({
    user: at(oids.commonName),
    issuedBy: at(oids.teleportCluster),
    cluster: at(oids.street),
    database:
      service &&
      defined({
        service,
        protocol: at(oids.databaseProtocol),
        user: at(oids.databaseUser),
        name: at(oids.databaseName),
      }),
    app: app && defined({ name: app, address: at(oids.appAddress), cluster: at(oids.appCluster) }),
    kube: at(oids.kubeCluster),
  }) as Route
}

/** Holds a certificate to what it shall be used for. Throws ERR_CONFIG_IDENTITY_ROUTE. */
export function requireRoute(route: Route, wanted: WantedRoute): void {
  const pairs = [
    ['database', wanted.database, route.database?.service],
    ['database user', wanted.databaseUser, route.database?.user],
    ['database name', wanted.databaseName, route.database?.name],
    ['application', wanted.app, route.app?.name],
    ['Kubernetes cluster', wanted.kube, route.kube],
  ] as const
  for (const [kind, want, have] of pairs) {
    if (want === undefined || want === have) continue
    // A certificate that fixes no user or name leaves them to the client.
    if (have === undefined && kind.startsWith('database ')) continue
    throw failure(
      'ERR_CONFIG_IDENTITY_ROUTE',
      `${kind} ${quoted(want)} is wanted, the certificate is ${have === undefined ? destination(route) : `for ${quoted(have)}`}`,
    )
  }
}

function destination({ database, app, kube }: Route): string {
  if (database !== undefined) return `for the database ${quoted(database.service)}`
  if (app !== undefined) return `for the application ${quoted(app.name)}`
  if (kube !== undefined) return `for the Kubernetes cluster ${quoted(kube)}`
  return 'for none'
}

function quoted(text: string): string {
  return `"${printable(text)}"`
}

function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter((entry) => entry[1] !== undefined)) as T
}

// Attribute types of Teleport's subjects (lib/tlsca): 1.3.9999.1 and .2 are its own, without registration.
const oids = {
  commonName: '2.5.4.3',
  street: '2.5.4.9',
  kubeCluster: '1.3.9999.1.3',
  appAddress: '1.3.9999.1.5',
  appCluster: '1.3.9999.1.6',
  teleportCluster: '1.3.9999.1.7',
  appName: '1.3.9999.1.10',
  databaseService: '1.3.9999.2.1',
  databaseProtocol: '1.3.9999.2.2',
  databaseUser: '1.3.9999.2.3',
  databaseName: '1.3.9999.2.4',
} as const
