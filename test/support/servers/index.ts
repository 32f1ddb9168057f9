// Everything a test can start that we did not write. Each needs its peer: use inside `describePeer`.
export { startApache } from './apache.js'
export { type DatabaseServer, startMariadb, startPostgres, startRedis } from './databases.js'
export { type LoadBalancerOptions, startHaproxy, startNginx } from './load-balancers.js'
export { type OpensslServer, type OpensslServerOptions, startOpensslServer } from './openssl.js'
export { freePort, type RunningServer, type ServerProcess, startProcess } from './process.js'
export { type SshServer, startSshd } from './sshd.js'
export { startCaddyBalancer, startStunnelTerminator } from './terminators.js'
export { startTinyproxy, type TinyproxyOptions } from './tinyproxy.js'
