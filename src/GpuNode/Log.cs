using Ganymede.Messages;

namespace Ganymede.GpuNode;

/// <summary>What this program logs outside its actors.</summary>
internal static partial class Log
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Data plane: {What}")]
    public static partial void DataPlane(this ILogger logger, string what);

    [LoggerMessage(Level = LogLevel.Information, Message = "Run {Run} stops after the step in hand: {Reason}")]
    public static partial void Stopping(this ILogger logger, RunId run, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Checkpoint {Folder} is not valid and was passed over: {Reason}")]
    public static partial void SkippedCheckpoint(this ILogger logger, string folder, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Run {Run} was dropped: {Reason}")]
    public static partial void Aborted(this ILogger logger, RunId run, string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Run {Run} failed on this node")]
    public static partial void Failed(this ILogger logger, Exception error, RunId run);
}
