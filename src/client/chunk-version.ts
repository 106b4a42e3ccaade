/** Names the chunk's content in its URL. The build puts the chunk's hash here; sources have no chunk to name. */
export const chunkVersion: string = ''
