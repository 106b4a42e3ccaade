# syntax=docker/dockerfile:1
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Without scripts: what they would fetch (another Node, browsers) is for tests. The image has the Node that builds.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY rollup.config.mjs tsconfig.json ./
COPY src src
RUN npm run build:dist && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-slim
ENV NODE_ENV=production ORQ_STORE=sqlite:/data/orq.db
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
# A new volume takes owner and mode of the folder that it covers.
RUN install -d -o node -g node -m 700 /data
USER node
VOLUME /data
# 8788 is for health and metrics: it listens on 127.0.0.1 unless ORQ_ADMIN_HOST says otherwise, and is never published.
EXPOSE 8787
# Not ready is no reason to be restarted, so life alone is asked for.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 8787}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli.js"]
CMD ["proxy"]
