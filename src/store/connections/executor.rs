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

/// Both executors are alike but for where they take a connection from. One implementation for
/// whatever can do that would be for foreign types as well, which the compiler refuses.
macro_rules! executor {
    ($executor:ty, |$this:ident, $query:ident| $collecting:expr) => {
        impl<'c> Executor<'c> for $executor {
            type Database = Any;

            fn fetch_many<'e, 'q: 'e, E>(
                self,
                $query: E,
            ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                let $this = self;
                streamed(async move { $collecting.await })
            }

            fn fetch_optional<'e, 'q: 'e, E>(
                self,
                $query: E,
            ) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
            where
                'c: 'e,
                E: 'q + Execute<'q, Any>,
            {
                let $this = self;
                Box::pin(async move { Ok(first_row($collecting.await?)) })
            }

            /// The store prepares nothing by itself.
            fn prepare_with<'e>(
                self,
                _: SqlStr,
                _: &'e [AnyTypeInfo],
            ) -> BoxFuture<'e, Result<AnyStatement, sqlx::Error>>
            where
                'c: 'e,
            {
                let unsupported = "statements are only executed".to_owned();
                Box::pin(std::future::ready(Err(sqlx::Error::Protocol(unsupported))))
            }
        }
    };
}

executor!(&'c mut Held, |held, query| held.collect(query));
executor!(&'c Connections, |connections, query| async {
    connections.take().await?.collect(query).await
});
