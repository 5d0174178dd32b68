using System.CommandLine;
using System.Reflection;

namespace Ganymede.Cli;

/// <summary><c>ganymede version</c>.</summary>
internal static class VersionCommand
{
    public static Command Create()
    {
        var json = OptionKinds.Switch("--json", "Print one JSON object.");
        var command = new Command("version", "Prints the versions of Ganymede, .NET, TorchSharp and Akka.NET.") { json };
        command.SetAction(parsed =>
        {
            var terminal = new Terminal(parsed.GetValue(json));
            var versions = new
            {
                Ganymede = Of(typeof(VersionCommand)),
                DotNet = Environment.Version.ToString(),
                TorchSharp = Of(typeof(TorchSharp.torch)),
                Akka = Of(typeof(Akka.Actor.ActorSystem)),
            };
            terminal.Result(versions);
            terminal.Line($"Ganymede {versions.Ganymede} (.NET {versions.DotNet}, TorchSharp {versions.TorchSharp}, Akka.NET {versions.Akka})");
            return ExitCode.Done;
        });
        return command;
    }

    private static string Of(Type type)
    {
        var assembly = type.Assembly;
        var text = assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? assembly.GetName().Version!.ToString();
        return text.Split('+', 2)[0];
    }
}
