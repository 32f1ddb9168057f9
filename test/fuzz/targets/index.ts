// Every target, in the order in which they run.
import type { Target } from '../target.js'
import { certificateTarget } from './certificate.js'
import { clientHelloTarget } from './client-hello.js'
import { cliConfigTarget, gatewayConfigTarget, profileTarget } from './config.js'
import { derTarget } from './der.js'
import { forwardedTarget } from './forwarded.js'
import { gatewayUpgradeTarget } from './gateway-upgrade.js'
import { httpHeadTarget } from './http-head.js'
import { identityFileTarget } from './identity-file.js'
import { keysTarget, pkcs12Target } from './keys.js'
import { connectServerTarget, postgresTarget, socksServerTarget } from './local-listeners.js'
import { httpConnectTarget, socks5ClientTarget } from './outbound.js'
import { pathTarget } from './path.js'
import { pingTarget } from './ping.js'
import { tls12Target, tls13Target } from './tls-handshake.js'
import { tlsMessagesTarget } from './tls-messages.js'
import { tlsRecordsTarget } from './tls-records.js'
import { webSocketTarget } from './websocket.js'

export const targets: readonly Target[] = [
  derTarget,
  certificateTarget,
  pathTarget,
  keysTarget,
  pkcs12Target,
  identityFileTarget,
  httpHeadTarget,
  webSocketTarget,
  pingTarget,
  tlsMessagesTarget,
  tlsRecordsTarget,
  tls13Target,
  tls12Target,
  clientHelloTarget,
  gatewayUpgradeTarget,
  forwardedTarget,
  gatewayConfigTarget,
  cliConfigTarget,
  profileTarget,
  connectServerTarget,
  socksServerTarget,
  postgresTarget,
  httpConnectTarget,
  socks5ClientTarget,
]
