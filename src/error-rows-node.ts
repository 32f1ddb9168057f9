// The rows of the code table that Node's rooms raise and no page or Worker can: same columns as in `errors.ts`, which this
// file continues; `errors-node.ts` checks each row and puts them in. Nothing else belongs here.

// biome-ignore format: a row a code reads as a table
export const nodeRows = {
  // --- logins, files and commands ---
  ERR_CONFIG_IDENTITY_EXPIRED: { kind: 'config', blame: 'config' },
  ERR_CONFIG_IDENTITY_ROUTE: { kind: 'config', blame: 'config' },
  ERR_CONFIG_LOGIN: { kind: 'config', blame: 'config' },
  ERR_CONFIG_FILE: { kind: 'config', blame: 'config' },
  ERR_CONFIG_COMMAND: { kind: 'config', blame: 'config' },

  // --- dialing: only Node says why ---
  ERR_DIAL_DNS: { kind: 'dial', blame: 'network', retryable: true },
  ERR_DIAL_UNREACHABLE: { kind: 'dial', blame: 'network', retryable: true },

  // --- proxies on the way out ---
  ERR_PROXY_CONFIG: { kind: 'config', phase: 'proxy', blame: 'config' },
  ERR_PROXY_DIAL: { kind: 'dial', phase: 'proxy', blame: 'network', retryable: true },
  ERR_PROXY_TLS: { kind: 'dial', phase: 'proxy', blame: 'network', exit: 5 },
  ERR_PROXY_AUTH: { kind: 'dial', phase: 'proxy', blame: 'config' },
  ERR_PROXY_DENIED: { kind: 'dial', phase: 'proxy', blame: 'network' },
  ERR_PROXY_UPSTREAM: { kind: 'dial', phase: 'proxy', blame: 'network', retryable: true },
  ERR_PROXY_PROTOCOL: { kind: 'dial', phase: 'proxy', blame: 'network' },

  // --- local proxies ---
  ERR_LOCAL_LISTEN: { kind: 'config', phase: 'local', blame: 'config' },
  ERR_LOCAL_REQUEST: { kind: 'stream', phase: 'local', blame: 'caller' },
  ERR_LOCAL_DENIED: { kind: 'config', phase: 'local', blame: 'config' },
  ERR_LOCAL_AUTH: { kind: 'config', phase: 'local', blame: 'caller' },
  ERR_LOCAL_LIMIT: { kind: 'stream', phase: 'local', blame: 'caller', retryable: true },
  ERR_LOCAL_SERVICE: { kind: 'stream', phase: 'local', blame: 'peer', retryable: true },

  // --- gateway ---
  ERR_GATEWAY_CONFIG: { kind: 'config', phase: 'gateway', blame: 'config' },
  ERR_GATEWAY_LISTEN: { kind: 'config', phase: 'gateway', blame: 'config' },
  ERR_GATEWAY_NO_ROUTE: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'no_application_protocol' },
  ERR_GATEWAY_DENIED: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'access_denied' },
  ERR_GATEWAY_CONNECT: { kind: 'dial', phase: 'gateway', blame: 'network', retryable: true },
  ERR_GATEWAY_UPGRADE: { kind: 'upgrade', phase: 'gateway', blame: 'peer', exit: 6 },
  ERR_GATEWAY_HANDSHAKE: { kind: 'tls', phase: 'gateway', blame: 'peer', alert: 'handshake_failure' },
  ERR_GATEWAY_UPSTREAM: { kind: 'stream', phase: 'gateway', blame: 'network', retryable: true },
  ERR_GATEWAY_LIMIT: { kind: 'stream', phase: 'gateway', blame: 'peer' },
} as const

export type NodeErrorCode = keyof typeof nodeRows
