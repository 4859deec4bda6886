//! What the driver's queries run on: a connection in use, or one of those there are for a single statement.

use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::any::{Any, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{Either, Execute, Executor, SqlStr};

use super::{Connections, Held};

/// As the driver streams them; the limit is that of the whole statement.
fn streamed<'e>(
    collecting: impl Future<Output = Result<Vec<Either<AnyQueryResult, AnyRow>>, sqlx::Error>>
    + Send
    + 'e,
) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>> {
    let steps = stream::once(collecting);
    steps
        .map_ok(|steps| stream::iter(steps.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

fn first_row(steps: Vec<Either<AnyQueryResult, AnyRow>>) -> Option<AnyRow> {
    steps.into_iter().find_map(Either::right)
}

impl<'c> Executor<'c> for &'c mut Held {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        streamed(self.collect(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(first_row(self.collect(query).await?)) })
    }

    fn prepare_with<'e>(
        self,
        _: SqlStr,
        _: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(std::future::ready(Err(unsupported())))
    }
}

impl<'c> Executor<'c> for &'c Connections {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        streamed(async move { self.take().await?.collect(query).await })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move { Ok(first_row(self.take().await?.collect(query).await?)) })
    }

    fn prepare_with<'e>(
        self,
        _: SqlStr,
        _: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(std::future::ready(Err(unsupported())))
    }
}

/// The store prepares nothing by itself.
fn unsupported() -> sqlx::Error {
    sqlx::Error::Protocol("statements are only executed".to_owned())
}
