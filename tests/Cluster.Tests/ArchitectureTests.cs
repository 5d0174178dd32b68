using System.Reflection;
using Ganymede.Messages;

namespace Ganymede.Tests;

/// <summary>Which project may know which: read from the assemblies that were built.</summary>
public sealed class ArchitectureTests
{
    [Theory]
    [InlineData("Coordinator", "TorchSharp")]
    [InlineData("Coordinator", "Ganymede.Training")]
    [InlineData("Lighthouse", "TorchSharp")]
    [InlineData("Training", "Akka")]
    [InlineData("Collectives", "Akka")]
    [InlineData("Collectives", "TorchSharp")]
    [InlineData("Datasets", "Akka")]
    [InlineData("Datasets", "TorchSharp")]
    [InlineData("Storage", "Akka")]
    [InlineData("Storage", "TorchSharp")]
    [InlineData("Messages", "TorchSharp")]
    public void Keeps_away_from(string project, string other) =>
        Assert.DoesNotContain(Closure(project), name => name == other || name.StartsWith(other + ".", StringComparison.Ordinal));

    [Theory]
    [InlineData("Messages")]
    [InlineData("Collectives")]
    [InlineData("Datasets")]
    [InlineData("Storage")]
    [InlineData("Training", "Datasets")]
    [InlineData("Commands", "Messages")]
    public void Depends_on_no_other_project_than(string project, params string[] allowed) =>
        Assert.Empty(References(project).Where(name => name.StartsWith("Ganymede.", StringComparison.Ordinal)).Except(allowed.Select(name => "Ganymede." + name)));

    [Fact]
    public void Every_type_that_says_it_crosses_the_wire_is_in_Messages_sealed_and_known_to_the_serializer()
    {
        string[] programs = ["Coordinator", "GpuNode", "Lighthouse", "Cli"];
        var elsewhere = programs.Select(Load).SelectMany(assembly => assembly.GetTypes()).Where(type => typeof(IClusterMessage).IsAssignableFrom(type));

        Assert.Empty(elsewhere);
        Assert.All(MessagePackClusterSerializer.Manifests.Values, type => Assert.True(type.IsSealed, type.Name));
    }

    /// <summary>A project's own references and those of our other projects below it.</summary>
    private static IEnumerable<string> Closure(string project)
    {
        var own = References(project);
        return own.Concat(own.Where(name => name.StartsWith("Ganymede.", StringComparison.Ordinal)).SelectMany(name => Closure(name["Ganymede.".Length..])));
    }

    private static string[] References(string project) => [.. Load(project).GetReferencedAssemblies().Select(name => name.Name!)];

    private static Assembly Load(string project) => Assembly.Load($"Ganymede.{project}");
}
