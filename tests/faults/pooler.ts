import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** Debian keeps it where only an administrator's path leads. */
const env = { PATH: `${process.env.PATH}:/usr/sbin` }

export const hasPooler: boolean = spawnSync('pgbouncer', ['--version'], { env }).status === 0

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })

const isListening = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/**
 * PgBouncer in front of a PostgreSQL.
 * @param settings lines of its `[pgbouncer]` section
 * @returns the URL of the same database through it
 */
export const startPooler = async (url: string, settings: readonly string[]): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'orq-pooler-'))
  const { hostname, port, username, password } = new URL(url)
  const own = new URL(url)
  own.port = `${await freePort()}`
  writeFileSync(join(folder, 'users'), `"${username}" "${password}"\n`)
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${own.port}
unix_socket_dir =\nauth_type = plain\nauth_file = ${join(folder, 'users')}\n${settings.join('\n')}\n`,
  )
  // It refuses to run as an administrator.
  const isRoot = process.getuid?.() === 0
  if (isRoot) chmodSync(folder, 0o755)
  const child = spawn('pgbouncer', [...(isRoot ? ['-u', 'nobody'] : []), join(folder, 'pgbouncer.ini')], {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  let isOver = false
  const ended = new Promise((resolve) => child.once('close', resolve)).then(() => {
    isOver = true
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
    rmSync(folder, { recursive: true, force: true })
  })
  while (!(await isListening(Number(own.port)))) {
    if (isOver) throw new Error(`pgbouncer ended: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return own.href
}
