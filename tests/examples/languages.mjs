import { spawnSync } from 'node:child_process'

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

/** A Python with PyJWT: the first that has it, as one of several on the path may be somebody's own. */
export const findPython = () => ['python3', '/usr/bin/python3'].find((one) => works(one, '-c', 'import jwt'))

/** A Ruby with the gem jwt, likewise. */
export const findRuby = () => ['ruby', '/usr/bin/ruby'].find((one) => works(one, '-rjwt', '-e', ''))
